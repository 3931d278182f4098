#!/bin/sh
# Draws every icon from source.svg and tray.svg. Needs rsvg-convert, icotool and png2icns
# (Debian: librsvg2-bin icoutils icnsutils).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

draw() { rsvg-convert --width "$2" --height "$2" "$1" --output "$3"; }

draw source.svg 32 32x32.png
draw source.svg 128 128x128.png
draw source.svg 256 128x128@2x.png
draw source.svg 512 icon.png

for size in 16 24 32 48 64 128 256 512; do draw source.svg "$size" "$work/$size.png"; done
# 256 is stored as PNG inside, as Windows wants it; the smaller ones as bitmaps.
icotool --create --output icon.ico "$work/16.png" "$work/24.png" "$work/32.png" "$work/48.png" "$work/64.png" --raw "$work/256.png"
png2icns icon.icns "$work/16.png" "$work/32.png" "$work/48.png" "$work/128.png" "$work/256.png" "$work/512.png" >/dev/null

# The state is told by shape as well as by colour.
ring='stroke="#23272e" stroke-width="3"'
lamp() {
    case $1 in
        idle) echo "<circle cx=\"32\" cy=\"31\" r=\"8.5\" fill=\"#23272e\" stroke=\"#9aa5b1\" stroke-width=\"3\"/>" ;;
        working) echo "<circle cx=\"32\" cy=\"31\" r=\"10\" fill=\"#ffb52e\" $ring/>" ;;
        paused) echo "<circle cx=\"32\" cy=\"31\" r=\"11.5\" fill=\"#23272e\"/><path d=\"M28.500 25v12M35.500 25v12\" stroke=\"#e6ebf1\" stroke-width=\"4\" stroke-linecap=\"round\"/>" ;;
        fault) echo "<path d=\"M32 20.500 43 40.500H21z\" fill=\"#ff5d4d\" $ring stroke-linejoin=\"round\"/><path d=\"M32 28v5.500M32 37v.2\" stroke=\"#23272e\" stroke-width=\"2.800\" stroke-linecap=\"round\"/>" ;;
    esac
}
for state in idle working paused fault; do
    awk -v lamp="$(lamp "$state")" '{ if ($0 ~ /<!-- LAMP -->/) print lamp; else print }' tray.svg >"$work/tray.svg"
    draw "$work/tray.svg" 22 "tray-$state.png"
    draw "$work/tray.svg" 44 "tray-$state@2x.png"
done
