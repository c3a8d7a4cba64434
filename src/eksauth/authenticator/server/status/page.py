"""The status page as HTML. Everything in it that comes from outside is escaped; it has no inline script or style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from eksauth.authenticator.server.reports import BackendReport, DecisionReport, HostReport, Readiness, Report

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
OUTCOMES = ("granted", "refused")
_SHOWN = 200


def status_page(reports: Sequence[Report], ready: Readiness, now: float, *, wanted: str = "", outcome: str = "") -> str:
    """Return the page.

    :param reports: one for each process; at least one.
    :param now: epoch seconds.
    :param wanted: text that decisions must hold somewhere, whatever the case.
    :param outcome: one of :data:`OUTCOMES`, or empty for both.
    """
    first = reports[0]
    decisions = matching(reports, wanted, outcome)
    options = "".join(
        f'<option value="{name}"{" selected" if name == outcome else ""}>{name or "all"}</option>'
        for name in ("", *OUTCOMES)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(first.cluster_id)}: authenticator</title>
<link rel="stylesheet" href="/status.css">
<script src="/status.js" defer></script>
</head>
<body>
<main>
<div id="overview">
{_overview(reports, ready, now)}
</div>
<h2>Recent decisions</h2>
<form method="get" action="/" role="search">
<input type="search" name="q" value="{_text(wanted)}" placeholder="user, ARN, reason, address" aria-label="Filter">
<select name="outcome" aria-label="Outcome">{options}</select>
<button>Filter</button>
</form>
<div id="decisions">
{_decisions(decisions, now)}
</div>
</main>
</body>
</html>
"""


def matching(reports: Sequence[Report], wanted: str, outcome: str) -> list[DecisionReport]:
    """Return the decisions of all processes that pass the filter, newest first."""
    needle = wanted.lower()
    found = [
        decision
        for report in reports
        for decision in report.decisions
        if outcome not in OUTCOMES or decision.allowed == (outcome == "granted")
        if not needle or any(needle in text.lower() for text in _searched(decision))
    ]
    found.sort(key=lambda decision: decision.at, reverse=True)
    return found[:_SHOWN]


def _searched(decision: DecisionReport) -> tuple[str, ...]:
    return (
        decision.client,
        decision.reason,
        decision.who,
        decision.username,
        decision.where,
        decision.message,
        *decision.groups,
    )


def _overview(reports: Sequence[Report], ready: Readiness, now: float) -> str:
    first = reports[0]
    word = '<span class="good">ready</span>' if ready.ready else '<span class="bad">not ready</span>'
    reloads = [report.last_reload for report in reports if report.last_reload is not None]
    since = f"up for {_span(now - min(report.started_at for report in reports))}"
    reload = f"last reload {_span(now - max(reloads))} ago" if reloads else "not reloaded since"
    processes = ", ".join(str(report.pid) for report in reports)
    checks = _table(
        ("Check", "", "Detail"),
        ((_text(check.name), _mark(good=check.ok), _text(check.detail)) for check in ready.checks),
    )
    return (
        f"<h1>Authenticator of {_text(first.cluster_id)}: {word}</h1>\n"
        f'<p class="quiet">eksauth {_text(first.version)}, {since}, {reload}; process {processes}</p>\n'
        f"{checks}\n<h2>Backends</h2>\n{_backends(reports, now)}\n<h2>STS</h2>\n{_hosts(reports)}"
    )


def _backends(reports: Sequence[Report], now: float) -> str:
    several = len(reports) > 1
    rows = [
        (_name(backend.mode, report, several=several), *_backend(backend, now))
        for report in reports
        for backend in report.backends
    ]
    table = _table(("Backend", "", "Entries", "Loaded", "State"), rows)
    problems = {
        (problem.at, problem.code): problem
        for report in reports
        for backend in report.backends
        for problem in backend.problems
    }
    if not problems:
        return table
    return f"{table}\n<h2>Problems in the mappings</h2>\n" + _table(
        ("Where", "Code", "What", "Remedy"),
        (
            (f"<code>{_text(each.at)}</code>", _text(each.code), _text(each.message), _text(each.hint or ""))
            for each in problems.values()
        ),
    )


def _backend(backend: BackendReport, now: float) -> tuple[str, str, str, str]:
    state = "in force"
    if backend.failure:
        state = f"the newest content is not in force: {backend.failure}"
    elif backend.held_until is not None:
        state = f"was emptied; the old mappings are kept for {_span(backend.held_until - now)}"
    elif not backend.synced:
        state = "not loaded yet"
    loaded = f"{_span(now - backend.loaded_at)} ago" if backend.loaded_at is not None else "never"
    good = backend.synced and not backend.failure and backend.held_until is None
    return _mark(good=good), str(backend.entries), loaded, _text(state)


def _hosts(reports: Sequence[Report]) -> str:
    several = len(reports) > 1
    rows = [(_name(host.host, report, several=several), *_host(host)) for report in reports for host in report.hosts]
    if not rows:
        return '<p class="quiet">Not asked yet.</p>'
    return _table(("Host", "", "Answered", "Failed", "Under way"), rows)


def _host(host: HostReport) -> tuple[str, str, str, str]:
    answered = f"{_span(host.answered)} ago" if host.answered is not None else "never"
    failed = f"{_span(host.failed)} ago ({_text(host.reason)})" if host.failed is not None else "never"
    return _mark(good=host.state == "closed"), answered, failed, str(host.under_way)


def _decisions(decisions: Sequence[DecisionReport], now: float) -> str:
    if not decisions:
        return '<p class="quiet">None that pass the filter.</p>'
    rows = (
        (
            f"{_span(now - each.at)} ago",
            _mark(good=each.allowed, words=OUTCOMES),
            f"<code>{_text(each.reason)}</code>",
            f"<code>{_text(each.who)}</code>",
            _text(each.username) + (f" ({_text(', '.join(each.groups))})" if each.groups else ""),
            _text("; ".join(part for part in (each.message, each.where) if part)),
            _text(each.client),
            f"{each.latency_ms:.1f} ms, {_text(each.source)}",
        )
        for each in decisions
    )
    return _table(("When", "", "Reason", "Who", "Becomes", "Why", "From", "Took"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _name(name: str, report: Report, *, several: bool) -> str:
    return _text(name) + (f' <span class="quiet">({report.pid})</span>' if several else "")


def _mark(*, good: bool, words: tuple[str, str] = ("good", "bad")) -> str:
    return f'<span class="{"good" if good else "bad"}">{words[0] if good else words[1]}</span>'


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def _text(text: str) -> str:
    """Return text of whoever wrote it as HTML; characters that change how a line reads are shown as such."""
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:500])
    return escape(shown, quote=True)
