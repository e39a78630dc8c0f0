/** Two panes as in a mail program, one on a narrow screen; the colours are those of the system. */
export const style = `
:root {
  color-scheme: light dark;
  --line: #d8dee6; --muted: #566170; --panel: #f6f8fa; --page: #ffffff; --ink: #1b232c; --accent: #1d4ed8; --chosen: #e4ecfd;
  font: 15px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root { --line: #2f3945; --muted: #9aa7b6; --panel: #151b22; --page: #0e1318; --ink: #e4e9ef; --accent: #8ab4ff; --chosen: #1d2c45 }
}
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; height: 100dvh; display: grid; grid-template: auto minmax(0, 1fr) / 22rem minmax(0, 1fr); background: var(--page); color: var(--ink) }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
code, pre { font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
header { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; padding: .6rem 1rem; border-bottom: 1px solid var(--line); background: var(--panel) }
header h1 { margin: 0; font-size: 1rem }
header p { margin: 0; color: var(--muted); font-size: .85rem }
nav.mails { overflow: auto; border-right: 1px solid var(--line); background: var(--panel) }
nav.mails ol { list-style: none; margin: 0; padding: 0 }
nav.mails a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .75rem; padding: .65rem 1rem; border-bottom: 1px solid var(--line); border-left: 3px solid transparent; color: inherit; text-decoration: none }
nav.mails a:hover { background: var(--chosen) }
nav.mails a[aria-current] { background: var(--chosen); border-left-color: var(--accent) }
nav.mails a:focus-visible { outline-offset: -2px }
nav.mails span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
nav.mails .to { font-weight: 600 }
nav.mails time { color: var(--muted); font-size: .8rem; font-variant-numeric: tabular-nums }
nav.mails .subject { grid-column: 1 / -1; color: var(--muted); font-size: .9rem }
main { display: flex; flex-direction: column; min-width: 0; overflow: hidden }
main.nothing { align-items: center; justify-content: center; padding: 2rem; text-align: center; color: var(--muted) }
main.nothing p { margin: 0; max-width: 34rem }
.about { padding: 1rem 1.25rem .75rem }
.about h2 { margin: 0 0 .25rem; font-size: 1.2rem; line-height: 1.3; overflow-wrap: anywhere }
.about p { margin: 0; color: var(--muted); font-size: .9rem; overflow-wrap: anywhere }
.code { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; margin-top: .75rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--panel) }
.code output { flex: 1 1 16rem; min-width: 0; overflow-wrap: anywhere; user-select: all }
.code a, .code button { flex: none; font: inherit; font-size: .9rem; padding: .25rem .75rem; border: 1px solid var(--line); border-radius: 6px; background: var(--page); color: var(--ink); text-decoration: none; cursor: pointer }
.tabs { display: flex; gap: .25rem; padding: 0 1.25rem; border-bottom: 1px solid var(--line) }
.tabs a { padding: .4rem .75rem; border-bottom: 2px solid transparent; color: var(--muted); text-decoration: none; font-size: .9rem }
.tabs a[aria-current] { border-bottom-color: var(--accent); color: var(--ink); font-weight: 600 }
iframe { flex: 1; width: 100%; border: 0; background: #ffffff }
@media (prefers-color-scheme: dark) { iframe { background: #121212 } }
.view { flex: 1; margin: 0; padding: 1rem 1.25rem; overflow: auto }
pre.view { white-space: pre-wrap; overflow-wrap: anywhere }
dl.view { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.25rem; align-content: start }
dl.view dt { color: var(--muted) }
dl.view dd { margin: 0; overflow-wrap: anywhere }
.back { display: none }
@media (max-width: 48rem) {
  body { grid-template-columns: minmax(0, 1fr) }
  nav.mails { border-right: 0 }
  body.list main, body.mail nav.mails { display: none }
  body.mail .back { display: inline }
  dl.view { grid-template-columns: minmax(0, 1fr); gap: 0 }
  dl.view dd { margin-bottom: .5rem }
}
`
