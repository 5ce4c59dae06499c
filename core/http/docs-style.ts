/** Style of the documentation page. */
export const docsStyle = `
:root { --ink: #1d2433; --soft: #5d6880; --page: #fff; --card: #f6f7fa; --line: #e3e6ee; --link: #2f5bea; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f2; --soft: #98a2b8; --page: #12151d; --card: #1a1f2a; --line: #2b3242; --link: #8fa8ff; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; display: flex; color: var(--ink); background: var(--page); font: 15px/1.55 system-ui, sans-serif; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; flex: 0 0 270px; padding: 20px; border-right: 1px solid var(--line); }
nav h2 { margin: 16px 0 4px; font-size: 12px; letter-spacing: .06em; text-transform: uppercase; }
nav ul { margin: 0; padding: 0; list-style: none; font-size: 13px; }
nav a { color: inherit; }
.brand { margin: 0; font-size: 18px; font-weight: 650; }
main { flex: 1; min-width: 0; max-width: 900px; padding: 24px 32px 96px; }
main h2 { margin: 48px 0 8px; text-transform: capitalize; }
article { margin: 16px 0; padding: 4px 20px 16px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; scroll-margin-top: 12px; }
article:target { border-color: var(--link); }
h3 a { color: inherit; }
h4 { margin: 16px 0 6px; font-size: 12px; letter-spacing: .05em; text-transform: uppercase; color: var(--soft); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
small, .auth { color: var(--soft); }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
td { padding: 5px 12px 5px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 34%; }
.place { width: 16%; color: var(--soft); overflow-wrap: normal; }
details ul { margin: 0 0 8px; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { margin: 0; padding: 12px; overflow: auto; background: var(--page); border: 1px solid var(--line); border-radius: 8px; }
summary { cursor: pointer; }
b.GET , b.s2 { color: #138a52; } b.POST { color: #2f5bea; } b.PUT, b.PATCH { color: #b26a00; }
b.DELETE, b.s4 { color: #c8374a; }
nav b { display: inline-block; width: 52px; font-size: 11px; }
@media (max-width: 760px) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 16px; } }
`
