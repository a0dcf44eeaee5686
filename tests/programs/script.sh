# SPDX-License-Identifier: MIT
# A good hundred lines of shell: what a script of every day uses. Run by busybox's sh, on Linux and on libos/unix, in a
# folder with busybox in it; what it prints must be the same, digests of all files that it leaves included. It prints no
# times, no process numbers, no addresses.
set -eu
mkdir work; cd work
box=../busybox
for tool in awk basename cat chmod cp cpio cut date dd df diff dirname env expr find fold grep gzip gunzip \
            head ln ls md5sum mkdir mkfifo mv nl od paste patch printf rev rm rmdir sed seq sha256sum sleep sort stat \
            tac tail tar tee test touch tr truncate uniq wc xargs; do
    eval "$tool() { $box $tool \"\$@\"; }"
done

title() { printf '== %s\n' "$*"; }

title variables and arithmetic
a=7 b=5
echo $((a * b)) $((a % b)) $((a << b)) $((-a / b)) $((a > b ? 1 : 0))
path=/usr/local/lib/file.tar.gz
echo "${path##*/} ${path%.*} ${path%%.*} ${path#/usr} ${#path} ${unset:-default} ${a:+set}"
set -- one "two words" three
echo "$# $2 $*"; shift; echo "$1"

title functions and control
factorial() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }
factorial 10
for word in x y z; do case $word in y) continue ;; [xz]) printf '%s ' "$word" ;; esac; done; echo
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i -eq 3 ] && continue; printf '%d ' $i; done; echo
until [ $i -eq 0 ]; do i=$((i - 1)); done; echo $i

title exit statuses
false || echo "false gives $?"
(exit 42) || echo "a subshell gives $?"
$box sh -c 'kill -TERM $$' 2>/dev/null || echo "a signal gives $?"
$box no-such-tool 2>/dev/null || echo "an unknown tool gives $?"
if ! cat absent 2>/dev/null; then echo "cat of an absent file fails"; fi

title pipes and redirections
seq 1 1000 | sort -rn | head -3 | tr '\n' ' '; echo
seq 1 20000 | wc -l
{ echo out; echo err >&2; } 2>errors | cat; cat errors
cat <<END | tr a-z A-Z
here is a document with $((1 + 1)) expansions
END
echo again >>errors; wc -c <errors
yes_many() { while :; do echo y; done; }
yes_many | head -2
mkfifo pipe; seq 5 >pipe & paste -s -d, pipe; wait; rm pipe

title background and traps
(trap 'echo caught; exit 3' USR1; kill -USR1 $($box sh -c 'echo $PPID'); sleep 5; echo never) || echo "status $?"
sleep 0 & wait $!; echo "waited $?"
for n in 1 2 3 4 5 6 7 8; do (echo $((n * n)) >square.$n) & done; wait; cat square.*; rm square.*

title files
mkdir -p tree/a/b tree/c; echo deep >tree/a/b/file; ln -s a/b/file tree/link; ln tree/a/b/file tree/c/hard
cat tree/link tree/c/hard; stat -c '%h %s %F' tree/c/hard; [ tree/c/hard -ef tree/a/b/file ] && echo same
find tree | sort; find tree -type f -name 'h*' -exec cat {} \;
chmod 640 tree/c/hard; stat -c %a tree/a/b/file
rmdir tree/a 2>/dev/null || echo "not empty"
mv tree/c tree/d; cp -r tree copy; diff -r tree copy && echo equal
dd if=/dev/zero of=big bs=4096 count=300 2>/dev/null; stat -c %s big; od -An -tx1 -N4 big
printf 'abc' | dd of=big bs=1 seek=5000 conv=notrunc 2>/dev/null; sha256sum big

title text
printf 'b 2\na 1\nc 3\nb 9\n' >table
sort table; sort -k2,2nr table | head -1; cut -d' ' -f1 table | sort | uniq -c | awk '{print $2 "=" $1}'
awk '{ sum[$1] += $2 } END { for (k in sum) print k, sum[k] }' table | sort
sed -n 's/^\(.\) \(.\)$/\2\1/p' table | paste -s -d+ -
grep -c b table; grep -v '[ab]' table; echo 'x=1;y=2' | tr ';' '\n' | while IFS== read -r k v; do echo "$v<-$k"; done
seq 1 200 | xargs -n 50 echo | awk '{ print NF }' | tr '\n' ' '; echo
expr 3 + 4; echo "2024-02-29" | awk -F- '{ print $3 "." $2 "." $1 }'

title archives
tar cf t.tar tree; tar tf t.tar | sort; gzip -k t.tar; gunzip -c t.tar.gz | $box cmp - t.tar && echo "same again"
mkdir out; tar xf t.tar -C out; diff -r tree out/tree && echo unpacked
find copy | sort | cpio -o -H newc 2>/dev/null >t.cpio; mkdir in; (cd in; ../$box cpio -id <../t.cpio 2>/dev/null)
diff -r copy in/copy && echo unpacked again
tar cf - copy | gzip | gunzip | tar xf - -C in -O | md5sum

title a ledger of two thousand lines
seq 1 2000 | awk '{ printf "%04d account%02d %d\n", $1, ($1 * 7919) % 37, ($1 * 104729) % 1000 - 500 }' >ledger
awk '{ sum[$2] += $3; n[$2]++ } END { for (a in sum) printf "%s %d %d\n", a, n[a], sum[a] }' ledger | sort >totals
head -2 totals; sort -k3,3n totals | tail -2; wc totals
cut -d' ' -f2 ledger | sort -u | sed 's/account//' | tr '\n' ' ' | fold -w 40 | nl
sort -k2,2 -k3,3nr ledger | awk '$2 != last { print; last = $2 }' | sort -k3,3nr | head -3
grep -nE ' (-)?[0-9]{2}$' ledger | tail -1; grep -c -- '-4[0-9][0-9]$' ledger
head -700 ledger >part.aa; sed -n 701,1400p ledger >part.ab; tail -600 ledger >part.ac; wc -l part.*
cat part.aa part.ab part.ac | $box cmp - ledger && echo whole
sed -i 's/account00/closed/' part.aa; diff ledger part.aa | head -2; diff -u part.ab part.ac | wc -l
cp part.aa before; sed '10,20d; s/^\(00[0-4]\)/<\1>/' part.aa >after
diff -u before after >change || patch before <change
$box cmp before after && echo patched
awk '{ print $2 }' part.aa | sort -u >one; awk '{ print $2 }' part.ac | sort -u >two; diff one two || wc -l one two
tac ledger | head -1 | rev; gzip -9 <ledger | gunzip | md5sum
truncate -s 100 part.ab; tail -c 20 part.ab; echo; truncate -s 9000 part.ab; sha256sum part.ab

title options, reading and quoting
options() {
    while getopts ab:c flag; do case $flag in b) echo "b is $OPTARG" ;; ?) echo "$flag" ;; esac; done
    shift $((OPTIND - 1)); echo "then $*"
}
options -a -b value -c rest 'of it'
while read -r number name amount; do [ "$amount" -gt 490 ] && echo "${name} at ${number}: ${amount}"; done <ledger
for path in /usr/lib/x.so tree/a/b ./y; do echo "$(dirname $path) $(basename $path)"; done
eval "x='a  b' y=\"c'd\""; echo "$x" $x "$y"; IFS=:; set -- $(echo p:q::r); echo $#; unset IFS
(exec 3>third; echo through >&3; exec 3>&-; cat third); (umask 077; touch private; stat -c %a private)

title what is left
find . -type f ! -name '*.gz' ! -name 't.*' | sort | xargs sha256sum
find . ! -type d ! -type f | sort; find . -type d | sort | xargs stat -c '%n %F %a'
cd ..; ./busybox rm -r work; ./busybox ls busybox script.sh
