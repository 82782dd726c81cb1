"""The scripts that make a shell ask dyntop at each Tab.

Those for bash and zsh are dyntop's own. argcomplete's do not hand over how the completed word is
quoted: bash replaces only the end of a word, and zsh's `BUFFER` lacks an open quote meanwhile (and
has the commands before dyntop, too). In bash it also splits an unquoted `$(...)`, where a name such
as `a*` is a pattern, in whose place the names of files come, unquoted.
"""

from __future__ import annotations

from argcomplete.shell_integration import shellcode

REPLACED = "_DYNTOP_REPLACED"
"""In the environment: the end of the line that bash replaces."""

IS_SURE = "_DYNTOP_IS_SURE"
"""In the environment: 1 if a word is certain to be read once, as it is quoted. In zsh not between
backquotes, which take backslashes off before the command there is read, and not in the second line
of a command, which may go on within quotes or backquotes. bash completes nothing in either."""

CHARACTERS = "_DYNTOP_CHARACTERS"
"""In the environment: how many characters the shell sees in three bytes that are one in UTF-8."""

# Without argcomplete's `-o default`: where the store does not answer, files would be offered in
# place of its names. `compopt` came with bash 4.
BASH = r"""
_dyntop() {
    local suppress_space=0 one=$'\xe5\xa5\xbd'
    compopt +o nospace 2> /dev/null && suppress_space=1
    IFS=$'\013\n' read -r -d '' -a COMPREPLY <<< "$(
        COMP_LINE="$COMP_LINE" \
        COMP_POINT="$COMP_POINT" \
        _ARGCOMPLETE=1 \
        _ARGCOMPLETE_COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        _ARGCOMPLETE_IFS=$'\013' \
        _ARGCOMPLETE_SHELL=bash \
        _ARGCOMPLETE_SUPPRESS_SPACE=$suppress_space \
        _DYNTOP_CHARACTERS=${#one} \
        _DYNTOP_IS_SURE=1 \
        _DYNTOP_REPLACED="$2" \
        "$1" 8>&1 > /dev/null 2>&1 < /dev/null
    )" || :
    if [[ $suppress_space == 1 && "${COMPREPLY-}" =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
complete -o nospace -F _dyntop dyntop
"""

# zsh takes no more than one word of the line apart, and each with its quotes.
ZSH = r"""
#compdef dyntop
_dyntop() {
    local one=$'\xe5\xa5\xbd' line="${(j: :)words[1,CURRENT-1]} $QIPREFIX$IPREFIX$PREFIX"
    local is_sure=0 unquoted="${${LBUFFER//\\\\/}//\\\`/}"
    [[ -z "$PREBUFFER" && "$unquoted" != *\`* ]] && is_sure=1
    local -a offered nosort nospace match
    offered=("${(@ps:\v:)$(
        COMP_LINE="$line" \
        COMP_POINT=${#line} \
        _ARGCOMPLETE=1 \
        _ARGCOMPLETE_IFS=$'\v' \
        _ARGCOMPLETE_SHELL=zsh \
        _ARGCOMPLETE_SUPPRESS_SPACE=1 \
        _DYNTOP_CHARACTERS=${#one} \
        _DYNTOP_IS_SURE=$is_sure \
        "${(Q)words[1]}" 8>&1 > /dev/null 2>&1 < /dev/null
    )}")
    [[ -n "$offered[1]" ]] || return 1
    is-at-least 5.8 && nosort=(-o nosort)
    [[ "$offered[1]" =~ '([^\\]):' && "$match[1]" == [=/:] ]] && nospace=(-S '')
    # A name has no description.
    offered=("${offered[@]%:}")
    _describe dyntop offered "${nosort[@]}" "${nospace[@]}"
}
autoload -Uz is-at-least
if [[ $zsh_eval_context == *func ]]; then
    _dyntop "$@"
else
    compdef _dyntop dyntop
fi
"""

OWN = {"bash": BASH, "zsh": ZSH}


def script(shell: str) -> str:
    """Return the script of `bash`, `zsh` or `fish`."""
    return OWN[shell].lstrip() if shell in OWN else shellcode(["dyntop"], shell=shell)
