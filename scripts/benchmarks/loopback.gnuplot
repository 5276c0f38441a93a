# Draws what the subject "stalls" measured: gnuplot -e "data=…; count=…" FILE
# data: a folder with TCP.data, native.data and mptcpize.data (milliseconds, share done by then)
# The background is explicit: the picture is shown on light and on dark pages.
set encoding utf8
set terminal svg size 860,440 font "Helvetica,Arial,sans-serif,14" background "#ffffff"

set title sprintf("%d transfers of 2 MB over loopback: how many are done within which time", count) \
  font ",16" offset 0,0.3
set xlabel "milliseconds, by their logarithm"
set ylabel "transfers done, %"
set logscale x
set xrange [0.5:1000]
set yrange [0:100]
set ytics 25 nomirror
set xtics nomirror
set border 3 lc rgb "#444444"
set grid ytics lc rgb "#dddddd" lw 1 lt 1
set key bottom right Left reverse samplen 2.5 spacing 1.3

set arrow 1 from 200, 0 to 200, 100 nohead lc rgb "#444444" lw 1.5 dashtype (6, 4) front
set label 1 "the kernel's timer, 200 ms" at 190, 60 right front tc rgb "#444444"

plot \
  data."/TCP.data" using 1:(100 * $2) with steps lc rgb "#666666" lw 3 title "plain TCP", \
  data."/mptcpize.data" using 1:(100 * $2) with steps lc rgb "#08519c" lw 3 title "mptcpize run", \
  data."/native.data" using 1:(100 * $2) with steps lc rgb "#d9480f" lw 3 \
    title "a program that asks for MPTCP itself"
