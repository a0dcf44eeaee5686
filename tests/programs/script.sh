# SPDX-License-Identifier: MIT
# A hundred lines of shell: what a script of every day uses. Run by busybox's sh, on Linux and on libos/unix, in an
# empty folder with busybox in it; what it prints must be the same. Prints no times, no process numbers, no addresses.
set -eu
box=./busybox
for tool in awk cat chmod cp cut date dd df diff env expr find grep gzip gunzip head ln ls md5sum mkdir mkfifo mv od \
            paste printf rm rmdir sed seq sha256sum sleep sort stat tail tar tee test touch tr uniq wc xargs; do
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
rm -r out tree copy t.tar t.tar.gz big table errors
ls b* *.sh
