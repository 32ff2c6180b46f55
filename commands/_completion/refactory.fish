# fish completion for refactory: refactory completion fish > ~/.config/fish/completions/refactory.fish

function __refactory_complete
    set -l words (commandline -opc)
    set -l found ($words[1] completion fish --line (commandline -cp | string collect) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end

complete --command refactory --no-files --arguments '(__refactory_complete)'
