"""What was posted, as a page: newest first, with buttons that work as they do in Slack."""

from html import escape
from typing import Any, Final

import msgspec

from axiru.dev.slack_sandbox.people import CHANNEL_ID, USERS
from axiru.dev.slack_sandbox.state import Message, OpenView, Workspace

_STYLE: Final = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem;color:#1d1c1d;background:#fff}
article{border:1px solid #ddd;border-radius:8px;padding:.8rem 1rem;margin:.8rem 0}
article{overflow-wrap:anywhere}.fields>*{min-width:0}article.reply{margin-left:2rem;background:#fafafa}h1{font-size:1.3rem}h2{font-size:1.05rem}small{color:#616061}
pre{white-space:pre-wrap;font:inherit;margin:.3rem 0}button{padding:.35rem .8rem;margin-right:.5rem}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:.3rem 1rem}textarea,input{width:100%;box-sizing:border-box}
"""
_SCRIPT: Final = """
const user = document.getElementById('user');
user.value = sessionStorage.getItem('user') || user.value;
user.onchange = () => sessionStorage.setItem('user', user.value);
async function send(path, body) {
  const answer = await fetch('/_sandbox/' + path, {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(body)});
  const reply = await answer.json();
  const said = reply.body && (reply.body.text || reply.body.errors);
  if (answer.status !== 200 || reply.status !== 200) alert(JSON.stringify(reply.body || reply, null, 1));
  else if (said) alert(typeof said === 'string' ? said : JSON.stringify(said));
  setTimeout(() => location.reload(), 900);
}
document.querySelectorAll('button[data-press]').forEach(one => one.onclick = () => {
  const press = JSON.parse(one.dataset.press);
  if (!one.dataset.confirm || confirm(one.dataset.confirm)) send('press', {user: user.value, ...press});
});
document.querySelectorAll('form[data-view]').forEach(one => one.onsubmit = event => {
  event.preventDefault();
  send('submit', {view_id: one.dataset.view, values: Object.fromEntries(new FormData(one))});
});
document.getElementById('command').onsubmit = event => {
  event.preventDefault();
  send('command', {user: user.value, text: event.target.text.value});
};
document.getElementById('home').onclick = () => send('home', {user: user.value});
"""


def page(workspace: Workspace) -> str:
    """The whole workspace as HTML; every text in it is escaped."""
    people = "".join(
        f'<option value="{escape(one)}">{escape(name)} ({escape(one)})</option>' for one, name in USERS.items()
    )
    messages = "".join(
        _message(message) + "".join(map(_message, _replies(workspace, message)))
        for message in reversed(workspace.messages)
        if message.thread_ts is None
    )
    told = "".join(
        f"<article><small>only for {escape(one.user)}</small>{_blocks(one.blocks, one.text, {})}</article>"
        for one in reversed(workspace.ephemerals[-20:])
    )
    homes = "".join(
        f"<article><small>App Home of {escape(user)}</small>{_blocks(view['blocks'], '', {'user': user})}</article>"
        for user, view in workspace.homes.items()
    )
    newest = {opened.user: opened for opened in workspace.views}
    modals = "".join(map(_modal, newest.values()))
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Slack stand-in</title>
<style>{_STYLE}</style></head><body><h1>Slack stand-in</h1>
<p>Acting as <select id="user">{people}</select> <button id="home">Open App Home</button></p>
<form id="command"><input name="text" aria-label="Command" placeholder="/axiru link CODE · queue · kill …"></form>
{modals}<h2>#approvals</h2>{messages or "<p>Nothing was posted yet.</p>"}
<h2>Ephemeral</h2>{told}<h2>App Homes</h2>{homes}<script>{_SCRIPT}</script></body></html>"""


def _replies(workspace: Workspace, message: Message) -> list[Message]:
    return [one for one in workspace.messages if one.thread_ts == message.ts and one.channel == message.channel]


def _message(message: Message) -> str:
    where = {"channel": message.channel, "ts": message.ts}
    edited = f", edited {message.edited} times" if message.edited else ""
    kind = "reply" if message.thread_ts else "message"
    channel = "" if message.channel == CHANNEL_ID else f"{message.channel} "
    return (
        f'<article class="{kind}"><small>{escape(channel + message.ts + edited)}</small>'
        f"{_blocks(message.blocks, message.text, where)}</article>"
    )


def _modal(opened: OpenView) -> str:
    inputs = "".join(
        f"<label>{escape(block['label']['text'])}"
        f'<textarea name="{escape(block["element"]["action_id"])}"></textarea></label>'
        for block in opened.view["blocks"]
        if block["type"] == "input"
    )
    submit = opened.view.get("submit")
    button = f"<button>{escape(submit['text'])}</button>" if submit else ""
    return (
        f"<article><small>modal for {escape(opened.user)}</small><h2>{escape(opened.view['title']['text'])}</h2>"
        f"{_blocks(opened.view['blocks'], '', {})}"
        f'<form data-view="{escape(opened.id)}">{inputs}{button}</form></article>'
    )


def _blocks(blocks: list[dict[str, Any]], text: str, where: dict[str, str]) -> str:
    if not blocks:
        return f"<pre>{escape(text)}</pre>"
    return "".join(_block(block, where) for block in blocks)


def _block(block: dict[str, Any], where: dict[str, str]) -> str:
    match block:
        case {"type": "header", "text": text}:
            return f"<h2>{escape(text['text'])}</h2>"
        case {"type": "section"}:
            text = f"<pre>{escape(block['text']['text'])}</pre>" if block.get("text") else ""
            fields = "".join(f"<pre>{escape(field['text'])}</pre>" for field in block.get("fields") or ())
            return text + (f'<div class="fields">{fields}</div>' if fields else "")
        case {"type": "context", "elements": elements}:
            return "".join(f"<small><pre>{escape(element['text'])}</pre></small>" for element in elements)
        case {"type": "actions", "elements": elements}:
            return "".join(_button(element, where) for element in elements)
        case {"type": "divider"}:
            return "<hr>"
        case _:
            return ""


def _button(button: dict[str, Any], where: dict[str, str]) -> str:
    label = escape(button["text"]["text"])
    if button.get("url"):
        return f'<a href="{escape(button["url"])}">{label}</a> '
    press = {"action_id": button["action_id"], "value": button.get("value"), **where}
    sure = button["confirm"]["text"]["text"] if button.get("confirm") else ""
    data = escape(msgspec.json.encode(press).decode())
    return f'<button data-press="{data}" data-confirm="{escape(sure)}">{label}</button>'
