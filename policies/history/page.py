"""A replay as one page to pass round: self-contained, light and dark, nothing loaded and nothing run."""

from html import escape
from importlib.resources import files
from typing import Final

from policies.history.report import Finding, ReplayOutcome, Report, Total
from policies.history.told import money

MAX_SHOWN: Final = 2_000
"""Findings on the page; a page of a hundred thousand rows opens nowhere. All of them are in the CSV."""

_STYLE: Final = files("policies.history") / "page.css"
_LABELS: Final[dict[ReplayOutcome, str]] = {
    "allowed": "Allowed",
    "blocked": "Blocked",
    "paused": "Paused for approval",
    "drift": "Policy drift",
}


def report_page(report: Report, *, title: str, findings: int | None = None) -> str:
    """The page as HTML; `findings` is how many there are where the report does not hold them all.

    Whatever came from the file is escaped; a policy of the page forbids scripts and requests.
    """
    style = _STYLE.read_text("utf-8")
    span = f"{report.since[:10]} to {report.until[:10]}" if report.since and report.until else "no refunds"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)} through {escape(report.policy)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="brand">Axiru</p>
<h1>What {escape(report.policy)} would have caught</h1>
<p>{escape(title)} · {escape(span)} · {report.rows:,} rows, {report.refunds:,} refunds</p>
</header>
<main>
<section class="totals" aria-label="Totals">
{_total("blocked", "Blocked", report.blocked, report)}
{_total("paused", "Paused for approval", report.paused, report)}
{_total("drift", "Policy drift", report.drift, report, "allowed, and marked")}
{_total("allowed", "Allowed", report.allowed, report, "drift included")}
</section>
{_changes(report)}
{_by_rule(report)}
{_findings(report, len(report.findings) if findings is None else findings)}
{_notes(report)}
</main>
<footer>Nothing was enforced: these refunds were replayed from history. Policy {escape(report.policy)},
content hash <code>{escape(report.policy_hash[:16])}</code>.</footer>
</body>
</html>
"""


def _total(kind: str, label: str, total: Total, report: Report, note: str = "") -> str:
    share = f"{100 * total.count / report.refunds:.1f} % of refunds" if report.refunds else "no refunds"
    amounts = "".join(f"<li>{escape(money(units, currency))}</li>" for currency, units in total.amount.items())
    told = f"{share}, {note}" if note else share
    return (
        f'<article class="{kind}"><h2>{label}</h2><p class="count">{total.count:,}</p>'
        f'<ul>{amounts or "<li>no money</li>"}</ul><p class="note">{told}</p></article>'
    )


def _changes(report: Report) -> str:
    """Of stored decisions: what would have been decided otherwise."""
    if not report.changes:
        return ""
    rows = "".join(
        f"<tr><td>{_tag(each.was)} → {_tag(each.becomes)}</td><td>"
        f"{', '.join(escape(money(units, currency)) for currency, units in each.amount.items())}</td>"
        f'<td class="number">{each.count:,}</td></tr>'
        for each in report.changes
    )
    return (
        '<section><h2>What changes</h2><div class="scroll" tabindex="0" role="region" aria-label="What changes"><table>'
        '<thead><tr><th scope="col">Was, and would be</th><th scope="col">Amount</th><th scope="col" class="number">'
        f"Decisions</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _tag(outcome: ReplayOutcome) -> str:
    return f'<span class="tag {outcome}">{_LABELS[outcome]}</span>'


def _by_rule(report: Report) -> str:
    if not report.by_rule:
        return ""
    rows = "".join(
        f"<tr><td>{_tag(each.outcome)}</td><td><strong>"
        f"{escape(each.message)}</strong><br><code>{escape(each.rule or 'default')}</code></td>"
        f'<td class="number">{each.count:,}</td></tr>'
        for each in report.by_rule
    )
    return (
        '<section><h2>By rule</h2><div class="scroll" tabindex="0" role="region" aria-label="By rule"><table>'
        '<thead><tr><th scope="col">Outcome</th><th scope="col">Rule</th><th scope="col" class="number">Refunds</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _findings(report: Report, total: int) -> str:
    if not report.findings:
        return "<section><h2>Refunds concerned</h2><p>Every refund would simply have been allowed.</p></section>"
    rows = "".join(map(_row, report.findings[:MAX_SHOWN]))
    more = total - MAX_SHOWN
    rest = f"<p>{more:,} more are in the CSV of the findings.</p>" if more > 0 else ""
    return (
        '<section><h2>Refunds concerned</h2><div class="scroll" tabindex="0" role="region" '
        'aria-label="Refunds concerned"><table><thead><tr><th scope="col" class="number">Line</th>'
        '<th scope="col">Refund</th><th scope="col">Outcome</th><th scope="col" class="number">Amount</th>'
        '<th scope="col">Date</th><th scope="col">Why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{rest}</section>"
    )


def _row(each: Finding) -> str:
    return (
        f'<tr><td class="number">{each.line or ""}</td><td><code>{escape(each.id)}</code></td>'
        f"<td>{_tag(each.outcome)}</td>"
        f'<td class="number">{escape(money(each.amount_cents, each.currency))}</td>'
        f'<td class="date">{escape((each.at or "")[:10])}</td>'
        f"<td>{escape(each.message)}<br><code>{escape(each.rule or 'default')}</code></td></tr>"
    )


def _notes(report: Report) -> str:
    notes = [escape(caveat) for caveat in report.caveats]
    if report.not_evaluable:
        rules = ", ".join(f"<code>{escape(rule)}</code>" for rule in report.not_evaluable)
        notes.append(f"Not evaluable from this file, and not counted: {rules}.")
    if report.ignored_columns:
        columns = ", ".join(f"<code>{escape(column)}</code>" for column in report.ignored_columns)
        notes.append(f"Columns not understood, and not needed: {columns}.")
    if not notes:
        return ""
    items = "".join(f"<li>{note}</li>" for note in notes)
    return f'<section class="notes"><h2>How to read this</h2><ul>{items}</ul></section>'
