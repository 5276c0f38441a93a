#!/bin/sh
# socat_options.sh: tries every socket option of socat that is for TCP or IP, first where it
# connects, then where it listens, over IPv4 and over IPv6, and prints for each try what came
# back and how both ends ended. Takes ports 9001 and 9002 of loopback.
export LC_ALL=C

# value NAME: what the option is set to; nothing for options that are left out.
value() {
  case $1 in
    # Not socket options: how socat itself goes about it, or what resolvers do.
    fork | max-children | forever | retry | interval | range | res-* | tcpwrap* | null-eof) ;;
    protocol-family | so-protocol | so-type | so-prototype) ;;
    accept-timeout | lowport | sourceport | bind) ;;
    # They need values of their own, in the tries at the end.
    setsockopt* | ip-add-membership | ipv6-join-group) ;;
    # Signals for somebody else.
    fiosetown | siocspgrp) ;;
    backlog) echo 3 ;;
    connect-timeout) echo 5 ;;
    ip-multicast-if) echo 127.0.0.1 ;;
    ip-options) echo x01010101 ;;
    ip-ttl | ipv6-unicast-hops) echo 60 ;;
    so-bindtodevice) echo lo ;;
    so-linger) echo 2 ;;
    so-rcvbuf* | so-sndbuf*) echo 4096 ;;
    tcp-maxseg*) echo 1000 ;;
    tcp-window-clamp) echo 40000 ;;
    *) echo 1 ;;
  esac
}

# What came back, and what socat complained of without time, process and descriptor numbers.
tidy() {
  sed 's/^.*socat\[[0-9]*\] //; s/(\([0-9]*\), /(fd, /; s/0x[0-9a-f]*/pointer/g' output errors |
    tr '\n' ' '
}

# try NAME=VALUE: prints it with the outcome of both uses over both families.
try() {
  for family in '4:127.0.0.1' '6:[::1]'; do
    address=${family#*:} family=${family%%:*}
    echo hello | socat -T5 -t5 - "TCP$family:$address:9001,$1" >output 2>errors
    echo "connect $family $1: $? $(tidy)"
    socat -T5 -t5 "TCP$family-LISTEN:9002,reuseaddr,$1" PIPE 2>errors &
    listener=$!
    until grep -qi ':232A [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6; do
      kill -0 $listener 2>/dev/null || break
    done
    echo hello | socat -T5 -t5 - "TCP$family:$address:9002" >output 2>/dev/null
    client=$?
    wait $listener
    echo "listen $family $1: $? $client $(tidy)"
  done
}

directory=$(mktemp -d)
cd "$directory" || exit 1
# An IPv6 socket, for both.
socat -T5 -t5 TCP6-LISTEN:9001,reuseaddr,fork,ipv6only=0 PIPE 2>/dev/null &
server=$!
trap 'kill $server; rm -r "$directory"' EXIT
until grep -qi ':2329 [0-9A-F:]* 0A ' /proc/net/tcp6; do kill -0 $server || exit 1; done

socat -hhh | sed -n 's/^ *\([a-z0-9-]*\)[[:blank:]]*groups=\([A-Z0-9,]*\)[[:blank:]]*phase=.*/\1 \2/p' |
  while read -r name groups; do
    case ,$groups, in *,TCP,* | *,IP4,* | *,IP6,* | *,SOCKET,* | *,LISTEN,*) ;; *) continue ;; esac
    value=$(value "$name")
    [ -z "$value" ] || echo "$name=$value"
  done >options
# TCP_QUICKACK off, TCP_THIN_DUPACK and TCP_USER_TIMEOUT by their numbers.
cat >>options <<'END'
ip-add-membership=224.0.0.251:127.0.0.1
ipv6-join-group=[ff02::fb]:lo
setsockopt-int=6:12:0
setsockopt-int=6:17:1
setsockopt-int=6:18:9000
setsockopt-listen=6:18:x28230000
END
while read -r option; do try "$option" </dev/null; done <options
