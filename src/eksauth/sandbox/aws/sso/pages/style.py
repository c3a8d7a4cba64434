"""The stylesheet of all pages; light or dark as the person's system is."""

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f3f4f8; --card: #ffffff; --ink: #1a1d29; --soft: #565d72; --line: #d5d9e4;
  --accent: #3d4fd6; --on-accent: #ffffff; --bad: #b3261e; --bad-ground: #fdeceb; --good: #1b7a43;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12141c; --card: #1c1f2b; --ink: #eceef6; --soft: #a3aac0; --line: #363b4d;
    --accent: #97a4ff; --on-accent: #12141c; --bad: #ff9b93; --bad-ground: #3a1f22; --good: #7bd8a0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
header {
  display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; justify-content: space-between;
  padding: .8rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line);
}
.brand { margin: 0; font-weight: 650; display: flex; align-items: center; gap: .6rem; }
.mark { width: 1.1rem; height: 1.1rem; border-radius: .3rem; background: var(--accent); }
.who { display: flex; align-items: center; gap: .9rem; margin: 0; color: var(--soft); font-size: .93rem; }
main {
  width: 100%; max-width: 29rem; margin: 3.5rem auto; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .9rem; overflow-wrap: anywhere;
}
main:has(.wide) { max-width: 46rem; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.05rem; margin: 0; }
p { margin: 0 0 1rem; }
a { color: var(--accent); }
label { display: block; font-weight: 600; margin: 1rem 0 .3rem; }
input[type=text], input[type=password] {
  width: 100%; font: inherit; color: inherit; padding: .6rem .75rem; background: var(--ground);
  border: 1px solid var(--soft); border-radius: .5rem;
}
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button {
  font: inherit; font-weight: 600; padding: .6rem 1.3rem; border-radius: .5rem; cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent);
}
button.second, button.quiet { background: transparent; color: var(--accent); }
button.quiet { padding: .25rem .8rem; font-size: .9rem; }
.actions { display: flex; flex-wrap: wrap; gap: .8rem; margin-top: 1.5rem; }
.alert {
  color: var(--bad); background: var(--bad-ground); border: 1px solid var(--bad); border-radius: .5rem;
  padding: .7rem .9rem;
}
.code {
  font: 600 1.9rem/1.2 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: .1em; text-align: center;
  padding: 1rem; margin: 0 0 1.25rem; background: var(--ground); border: 1px dashed var(--soft); border-radius: .6rem;
}
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.1rem; margin: 0 0 1.25rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.note { color: var(--soft); font-size: .93rem; }
.done { color: var(--good); }
.accounts { list-style: none; margin: 0; padding: 0; }
.accounts > li { padding: 1rem 0; border-top: 1px solid var(--line); }
.accounts .number { color: var(--soft); font: .93rem ui-monospace, Menlo, Consolas, monospace; }
.roles { margin: .5rem 0 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; }
.roles li { border: 1px solid var(--line); border-radius: 1rem; padding: .15rem .8rem; font-size: .93rem; }
footer { margin-top: auto; padding: 1rem 1.5rem; text-align: center; color: var(--soft); font-size: .87rem; }
footer p { margin: 0; }
@media (max-width: 34rem) { main { margin: 1rem auto; border-radius: 0; border-width: 1px 0; } }
"""
