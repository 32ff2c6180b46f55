#compdef refactory
# zsh completion for refactory. In ~/.zshrc, after compinit: source <(refactory completion zsh)

_refactory() {
    local -a items
    local value help
    while IFS=$'\t' read -r value help; do
        items+=("${value//:/\\:}${help:+:$help}")
    done < <("${(Q)words[1]}" completion zsh --line "${words[1,CURRENT-1]} $PREFIX" 2>/dev/null)
    if (( $#items )); then
        _describe refactory items
    else
        _files
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _refactory "$@"
else
    compdef _refactory refactory
fi
