#!/bin/sh
# Called as a C compiler or an archiver of a system that is not here: writes an empty file where it would write its output.
before=
for argument in "$@"; do
    case "$before" in -o) : > "$argument" ;; esac
    case "$argument" in *.a | *.lib) : > "$argument" ;; esac
    before=$argument
done
