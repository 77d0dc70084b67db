"""The offline demonstration: a real case of July 2026 and a SIMULATED market, replayed."""
