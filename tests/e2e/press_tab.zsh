# What a shell shows, and makes of the line, when somebody types WORDS and presses Tab twice, on a terminal of its own.
#
#	zsh -f press_tab.zsh bash|zsh FOLDER WORDS		FOLDER: with the tools' completions
zmodload zsh/zpty
folder=$2
case $1 in
bash) start='bash --norc --noprofile -i' setup="for f in $folder/*; do . \$f; done; bind 'set page-completions off' 'set completion-query-items 0'" ;;
zsh) start='zsh -f -i' setup="fpath=($folder \$fpath); autoload -U compinit; compinit -u -D; LISTMAX=9999; PROMPT_EOL_MARK=" ;;
esac
unset PROMPT_COMMAND
zpty shell $start
# the prompt comes when all before it is done
zpty -w shell "stty rows 500 cols 200; $setup; PS1=RE'ADY>'"
zpty -r shell seen '*READY>*'
# then the line as it has become is said, not carried out
zpty -w -n shell "$3"$'\t\t\x01echo SA\'\'ID \x05 EN\'\'D\n'
zpty -r shell seen '*SAID*END*'
zpty -d shell
print -r -- "$seen"
