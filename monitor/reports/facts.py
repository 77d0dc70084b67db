"""Facts in the words a person reads."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

SHOWN_FACTS = ("price", "amount", "date", "rank", "score", "percent")
MAX_FACTS = 4


def fact_texts(facts: Any) -> list[str]:
    """Return the facts of a signal as a person reads them, such as `CNY 1,899`."""
    texts = [_fact_text(fact) for fact in facts if fact.get("kind") in SHOWN_FACTS]
    return list(dict.fromkeys(text for text in texts if text))[:MAX_FACTS]


def _fact_text(fact: dict[str, Any]) -> str:
    kind, value, unit = fact["kind"], str(fact["value"]), fact.get("unit") or ""
    if kind == "date":
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return ""
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    words = {"rank": f"#{text}", "score": f"score {text}", "percent": f"{text} %"}
    return words.get(kind, f"{unit} {text}")
