# bash completion of quicnprotochat-client: commands, options, files, and the names of your groups.

_quicnprotochat_client_groups() {
    quicnprotochat-client --json groups 2> /dev/null < /dev/null |
        sed -n 's/.*"group":"\([^"]*\)".*/\1/p'
}

_quicnprotochat_client_contacts() {
    quicnprotochat-client --json contacts list 2> /dev/null < /dev/null |
        sed -n 's/.*"name":"\([^"]*\)".*/\1/p'
}

_quicnprotochat_client() {
    local commands='ping register register-state whoami fetch-key demo-group create-group invite
        join remove leave update rejoin rename send recv sync groups members contacts
        verify trust-server'
    local options='--server --ds-server --server-key --noise --state --key-file --passphrase-file
        --ask-passphrase --refresh-hours --refresh-messages --json --timings --help --version'
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= each
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case " ${commands//$'\n'/ } " in
            *" $each "*) command=${command:-$each} ;;
        esac
    done

    case $previous in
        --state | --key-file | --passphrase-file | --invitation-file | --cert | --key | --ca)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return ;;
        --noise)
            mapfile -t COMPREPLY < <(compgen -W 'hybrid classic' -- "$word")
            return ;;
        --suite)
            mapfile -t COMPREPLY < <(compgen -W 'xwing x25519' -- "$word")
            return ;;
        --group-id)
            local IFS=$'\n'
            mapfile -t COMPREPLY < <(compgen -W "$(_quicnprotochat_client_groups)" -- "$word")
            return ;;
        --peer-key)
            local IFS=$'\n'
            mapfile -t COMPREPLY < <(compgen -W "$(_quicnprotochat_client_contacts)" -- "$word")
            return ;;
        --server | --ds-server | --server-key | --msg | --wait-ms | --name | \
            --refresh-hours | --refresh-messages | --count | --number)
            return ;;
    esac

    if [[ $command == contacts || $command == fetch-key || $command == verify ]] && [[ $word != -* ]]; then
        local IFS=$'\n' words=$'add\nlist\nrename\nreplace\nblock\nunblock\nremove'
        [[ $previous == contacts ]] || words=$(_quicnprotochat_client_contacts)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi

    case $command in
        register | register-state) options+=' --count --invitation-file --cert --key' ;;
        create-group) options+=' --group-id --suite --ca' ;;
        fetch-key) options+=' --suite' ;;
        join) options+=' --group-id --ca' ;;
        leave | update | rejoin | members) options+=' --group-id' ;;
        rename) options+=' --group-id --name --for-everybody' ;;
        invite | remove) options+=' --group-id --peer-key' ;;
        verify) options+=' --confirm --number --reset --qr' ;;
        send) options+=' --group-id --peer-key --msg' ;;
        recv) options+=' --group-id --follow --wait-ms --all' ;;
        '') [[ $word == -* ]] || options=$commands ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}

complete -F _quicnprotochat_client quicnprotochat-client
