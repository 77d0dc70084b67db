"""What the daemon does. Each job selects what is due, computes, commits; doing it again is safe.

poll: a source's pages become rows. process: new rows become tags, stories, signals, moves and
links, and what is worth telling an alert, all in one transaction. deliver: due alerts go out.
"""
