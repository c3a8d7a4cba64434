"""ISO 8601 times as AWS tools write them, without the datetime module: this is on the path that kubectl waits for."""

_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def epoch_of(text: str) -> int | None:
    """Return the seconds since the epoch of ``YYYY-MM-DDTHH:MM:SS`` with optional fraction and zone, or None.

    A fraction is cut off, a missing zone means UTC, and a blank may stand for the ``T``. None means that the text is
    something else, not that it is wrong.
    """
    if (
        len(text) < 19
        or not text.isascii()
        or text[4] + text[7] + text[13] + text[16] != "--::"
        or text[10] not in "T "
    ):
        return None
    numbers = text[0:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19]
    if not all([part.isdigit() for part in numbers]):  # noqa: C419  a generator costs more than six digits do
        return None
    year, month, day, hour, minute, second = [int(part) for part in numbers]
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return None
    offset = _zone_seconds(text[19:])
    if offset is None:
        return None
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 - 719162
    leap = month > 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days += _DAYS_BEFORE_MONTH[month - 1] + leap + day - 1
    return days * 86400 + hour * 3600 + minute * 60 + second - offset


def _zone_seconds(rest: str) -> int | None:
    if rest[:1] == ".":
        rest = rest[1:].lstrip("0123456789")
    if rest in {"", "Z", "z", "+00:00", "-00:00", "+0000", "UTC", " UTC"}:
        return 0
    if len(rest) == 6 and rest[0] in "+-" and rest[3] == ":" and rest[1:3].isdigit() and rest[4:].isdigit():
        seconds = int(rest[1:3]) * 3600 + int(rest[4:]) * 60
        return seconds if rest[0] == "+" else -seconds
    return None
