# bash completion for refactory. In ~/.bashrc: source <(refactory completion bash)

_refactory() {
    local value
    COMPREPLY=()
    # bash splits words at ":" and "=", so it is given the line, and what bash takes for the word ($2).
    while IFS=$'\t' read -r value _; do
        COMPREPLY+=("$value")
    done < <("$1" completion bash --line "${COMP_LINE:0:COMP_POINT}" --word "$2" 2>/dev/null)
}

# Where nothing of ours fits, the name of a file may.
complete -o default -F _refactory refactory
