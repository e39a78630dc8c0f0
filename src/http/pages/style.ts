import { type Accent, grounds, textOn } from "./Accent.ts"

/**
 * Everything that the pages wear. Logical properties alone, so that right-to-left needs no rule of its own. Lists without marks have "" for
 * them, since of those with none VoiceOver doesn't say that they are lists.
 */
export const styleOf = ({ dark, light }: Accent): string => `
:root{color-scheme:light dark;--ground:${grounds.light[0]};--card:${grounds.light[1]};--ink:#181b21;--soft:#555d6b;--line:#858d9b;--hair:#e1e4e9;--accent:${light};--on:${textOn(light)};--bad:#b3261e;--badground:#fdf0ef;--good:#12693c;--goodground:#ebf6f0}
@media (prefers-color-scheme:dark){:root{--ground:${grounds.dark[1]};--card:${grounds.dark[0]};--ink:#eceef2;--soft:#a9b0bd;--line:#7b8494;--hair:#2f343e;--accent:${dark};--on:${textOn(dark)};--bad:#ffb4ab;--badground:#35201f;--good:#8fd9ae;--goodground:#17291f}}
*{box-sizing:border-box}
html{font:1rem/1.55 system-ui,sans-serif;background:var(--ground);color:var(--ink);-webkit-text-size-adjust:100%;scroll-padding-block:1rem}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;padding:clamp(1.25rem,6vh,4.5rem) 1rem 1.5rem}
body>*{width:100%;max-width:27rem}
body>footer{max-width:40rem}
header{display:flex;align-items:center;justify-content:center;gap:.625rem;margin-block-end:1.5rem;font-weight:600;font-size:1.0625rem}
header img{display:block;max-height:2.5rem;max-width:12rem}
.mark{display:grid;place-items:center;width:2rem;height:2rem;border-radius:.5625rem;background:var(--accent);color:var(--on);font-size:1.0625rem;font-weight:700}
main{background:var(--card);border:1px solid var(--hair);border-radius:1rem;padding:clamp(1.5rem,6vw,2.25rem);box-shadow:0 1px 2px #0000000a,0 8px 24px #0000000f;overflow-wrap:anywhere}
h1{text-wrap:balance;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .5rem}
:lang(ar) h1,:lang(ja) h1{letter-spacing:0}
h2{font-size:1.0625rem;line-height:1.4;margin:2.25rem 0 .25rem}
p,li{text-wrap:pretty}
:lang(ja){word-break:auto-phrase;line-break:strict}
p{margin:.5rem 0}
.lead,.hint,.when{color:var(--soft)}
.hint,.when{font-size:.9375rem}
.icon{display:block;width:3rem;height:3rem;margin-block-end:1rem;padding:.75rem;border-radius:50%;background:color-mix(in srgb,var(--accent) 12%,var(--card));color:var(--accent)}
a{color:var(--accent);text-underline-offset:.2em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
:focus-visible,.summary:focus{outline:3px solid var(--accent);outline-offset:2px;border-radius:.375rem}
form{margin-block-start:1.25rem}
h1+form:has(>.lead:first-child){margin-block-start:.5rem}
.field,.field+.lead{margin-block-start:1.25rem}
label{display:block;font-weight:600;margin-block-end:.375rem}
.field .hint{margin:0 0 .375rem}
.box{display:flex;position:relative}
input{width:100%;min-height:2.875rem;padding:.5rem .75rem;border:1px solid var(--line);border-radius:.625rem;background:var(--card);color:inherit;font:inherit}
input:focus-visible{outline-offset:0;border-radius:.625rem;border-color:var(--accent)}
input[aria-invalid]{border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}
.box .show{width:auto;min-height:0;margin:.375rem;padding:.25rem .625rem;flex:none;border:0;border-radius:.375rem;background:none;color:var(--accent);font-size:.9375rem;font-weight:600}
.box:has(.show){border:1px solid var(--line);border-radius:.625rem}
.box:has(.show) input{background:none;border-color:transparent;box-shadow:none}
.box:has([aria-invalid]):has(.show){border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}
button,.button{display:block;width:100%;min-height:2.875rem;margin-block-start:1.5rem;padding:.625rem 1rem;border:1px solid transparent;border-radius:.625rem;background:var(--accent);color:var(--on);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
button:hover,.button:hover{filter:brightness(1.08)}
.quiet{background:none;color:var(--accent);border-color:var(--line)}
.danger{background:none;color:var(--bad);border-color:currentColor}
.badge{margin-inline-start:.375rem;padding:.125rem .5rem;border-radius:1rem;background:var(--goodground);color:var(--good);font-size:.8125rem;font-weight:600;white-space:nowrap}
.refused{background:var(--badground);color:var(--bad)}
.links{list-style:"";margin:1.5rem 0 0;padding:0;display:grid;gap:.5rem}
.links a,footer a{display:inline-block;padding-block:.125rem}
.error{margin:.375rem 0 0;color:var(--bad);font-weight:600;font-size:.9375rem}
.summary,.note{margin-block:1rem 1.25rem;padding:.875rem 1rem;border-radius:.625rem;border-inline-start:4px solid var(--bad);background:var(--badground)}
.summary h2{margin:0;font-size:1rem}
.summary ul,.summary p{margin:.25rem 0 0}
.summary ul{padding-inline-start:1.25rem}
.summary a{color:var(--bad)}
.note{border-color:var(--good);background:var(--goodground)}
.note p{margin:0}
.rows{list-style:"";margin:.5rem 0 0;padding:0}
.rows li{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.5rem 1rem;padding:.75rem 0;border-block-end:1px solid var(--hair)}
.rows li:last-child{border:0}
.rows p{margin:0}
.rows form{margin:0}
.rows button{width:auto;min-height:2.25rem;margin:0;padding:.25rem .75rem;font-size:.9375rem}
dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.375rem 1rem;margin:1rem 0 0}
dt{color:var(--soft)}
dd{margin:0}
footer{margin-block-start:1.5rem;color:var(--soft);font-size:.875rem;text-align:center}
footer ul{list-style:"";margin:0;padding:0;display:flex;flex-wrap:wrap;justify-content:center;gap:.125rem .875rem}
footer ul+nav,footer nav+ul{margin-block-start:.5rem}
footer a{color:inherit}
footer [aria-current]{color:var(--ink);font-weight:600;text-decoration:none}
@media (max-width:30rem){body{padding-inline:0;background:var(--card)}html{background:var(--card)}main{border:0;border-radius:0;box-shadow:none;padding-block:.5rem 1.5rem}header{justify-content:flex-start;padding-inline:1.5rem;margin-block-end:1rem}footer{padding-inline:1.5rem}dl{display:block}dd+dt{margin-block-start:.5rem}}
@media (prefers-reduced-motion:no-preference){button,.button{transition:filter .15s}}
@media (forced-colors:active){.mark,button,.button{border:1px solid}}
`
