"""``eksauth kubeconfig protect``: contexts that ask before they are touched."""

from __future__ import annotations

import click

from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option, load
from eksauth.cli.output import complain, one_line
from eksauth.cli.protected import tell

_EPILOG = """\b
Examples:
  eksauth kubeconfig protect prod-eu
  eksauth kubeconfig protect 'prod-*'
  eksauth kubeconfig protect prod-eu --off
  eksauth kubeconfig protect               which contexts are protected"""


@click.command("protect", epilog=_EPILOG)
@click.argument("contexts", nargs=-1, metavar="[CONTEXT|PATTERN]...")
@click.option("--off", is_flag=True, help="Take the mark away.")
@kubeconfig_option
def protect(contexts: tuple[str, ...], off: bool, kubeconfig: str | None) -> int:
    """Mark contexts so that ctx, run, each, remove and rename ask before they touch them; without names, list them.

    Where nobody can be asked they refuse, unless --yes is given. kubectl and other tools do not know the mark.
    """
    from eksauth.kubeconfig.guard import is_protected, protect, unprotect
    from eksauth.kubeconfig.store import apply
    from eksauth.kubeconfig.suggest import select

    merged = load(kubeconfig)
    if not contexts:
        marked = [name for name, found in merged.contexts.items() if is_protected(found.value)]
        click.echo("".join(f"{one_line(name)}\n" for name in marked), nl=False)
        return 0
    names = select(contexts, list(merged.contexts))
    changes = [unprotect(name) if off else protect(name) for name in names]
    outcome = apply(chosen_files(kubeconfig), changes)
    for warning in outcome.warnings:
        complain("warning", warning)
    for name in names:
        was = is_protected(merged.contexts[name].value)
        state = "is not protected" if off else "is protected"
        tell(f'context "{name}" {state}{" already" if not off and was else ""}')
    return 0
