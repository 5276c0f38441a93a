# Draws what show-two-paths measured: gnuplot -e "data=…; cut=…; size=…; rate=…" FILE
# data: a folder with tcp.data and mptcp.data (seconds, Mbit/s over the first link, over both)
# The background is explicit: the picture is shown on light and on dark pages.
set encoding utf8
set terminal svg size 860,440 font "Helvetica,Arial,sans-serif,14" background "#ffffff"

set title sprintf("curl fetches %d MiB over two links of %d Mbit/s; the first is cut after %d s", \
  size, rate, cut) font ",16" offset 0,0.3
set xlabel "seconds since the download began"
set ylabel "throughput, Mbit/s"
set xrange [0:14]
set yrange [0:3 * rate]
set xtics 2 nomirror
set ytics 25 nomirror
set border 3 lc rgb "#444444"
set grid ytics lc rgb "#dddddd" lw 1 lt 1
set key top right Left reverse samplen 2.5 spacing 1.3

set arrow 1 from cut, 0 to cut, 2.4 * rate nohead lc rgb "#444444" lw 1.5 dashtype (6, 4) front
set label 1 "first link cut" at cut, 2.4 * rate offset 0.6,-0.4 left front tc rgb "#444444"

# The area first, under the lines; the legend begins with what it is part of.
plot \
  data."/mptcp.data" using 1:2:3 with filledcurves lc rgb "#9ecae1" notitle, \
  data."/mptcp.data" using 1:3 with lines lc rgb "#08519c" lw 3 title "mptcpize run curl", \
  keyentry with filledcurves lc rgb "#9ecae1" title "… of it over the second link", \
  data."/tcp.data" using 1:3 with lines lc rgb "#d9480f" lw 3 title "curl (plain TCP)"
