"""The scripts that ask eksauth what could be typed next; one for each shell."""

from __future__ import annotations

BASH = """\
# bash completion for eksauth
_eksauth() {
    local IFS=$'\\n' answer
    answer=($("$1" __complete bash "$COMP_LINE" "$COMP_POINT" "$COMP_WORDBREAKS" 2>/dev/null))
    [[ ${answer[0]} == files ]] && compopt -o default
    COMPREPLY=("${answer[@]:1}")
}
complete -F _eksauth eksauth kubectl-ctx kubectl-ns
"""
ZSH = """\
#compdef eksauth kubectl-ctx kubectl-ns
_eksauth() {
    local -a answer names shown typed
    local line
    typed=("${(@)words[2,CURRENT]}")
    [[ ${words[1]:t} == kubectl-* ]] && typed=("${${words[1]:t}#kubectl-}" "${typed[@]}")
    answer=("${(@f)$(command "${words[1]}" __complete zsh "${typed[@]}" 2>/dev/null)}")
    if [[ $answer[1] == files ]]; then
        _files
        return
    fi
    for line in "${(@)answer[2,-1]}"; do
        names+=("${line%%$'\\t'*}")
        if [[ $line == *$'\\t'* ]]; then
            shown+=("${line%%$'\\t'*}  -- ${line#*$'\\t'}")
        else
            shown+=("$line")
        fi
    done
    compadd -d shown -a names
}
if [[ $funcstack[1] == _eksauth ]]; then
    _eksauth "$@"
else
    compdef _eksauth eksauth kubectl-ctx kubectl-ns
fi
"""
FISH = """\
# fish completion for eksauth
function __eksauth_complete
    set -l typed (commandline -opc)
    set -l program $typed[1]
    set -e typed[1]
    string match -q -- '*kubectl-*' $program; and set -p typed (string replace -r '.*kubectl-' '' -- $program)
    set -l answer (command $program __complete fish $typed (commandline -ct) 2>/dev/null)
    if test "$answer[1]" = files
        __fish_complete_path (commandline -ct)
        return
    end
    set -e answer[1]
    test (count $answer) -gt 0; and printf '%s\\n' $answer
end
for program in eksauth kubectl-ctx kubectl-ns
    complete -c $program -f -a '(__eksauth_complete)'
end
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
