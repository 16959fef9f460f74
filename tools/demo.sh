# What `make demo` does and says: two runs of the main example, and their comparison. The Makefile
# sets PATH and GUILD_HOME.
set -e

say() {
  echo
  printf '%s\n' "$@"
}

typed() {
  printf '\n$ %s\n' "$*"
  "$@"
}

say "1. Run a notebook" \
  "examples/digits/digits.ipynb trains a small neural network. It is executed from top to bottom;" \
  "what it prints appears here, and a line follows each cell that has ended. guild.yml gives the" \
  "notebook the name digits."
typed guild run digits -y

say "2. Run it again with other values" \
  "Each field of the notebook's form is a flag of the run. Two get a new value; your notebook" \
  "stays as it is, the run has a copy with these values."
typed guild run digits learning_rate=0.001 activation=tanh -y

say "3. Compare the two runs" \
  "Lines such as 'loss: 0.0934 (step 15)' are scalars: Guild has recorded them, without any code" \
  "for it in the notebook. The table shows the values that were given, and the last scalars."
typed guild compare --table --strict-cols .status,=learning_rate,=activation,loss,accuracy 1 2

report=$(guild select --path)/digits.html
say "Now look at what there is" \
  "  $report" \
  "      the report of the second run, with its plots: open it in a browser" \
  "" \
  "and go on with the same runs (the first line is for this shell, once):" \
  "  export PATH=\"$(dirname "$(command -v guild)"):\$PATH\" GUILD_HOME=\"$GUILD_HOME\"" \
  "  guild run digits --help-op                  the flags, and the values that they take" \
  "  guild run digits hidden_units='[16,64]'     a run for each value" \
  "  guild compare                               all runs, as a table to scroll and sort" \
  "  guild view                                  all runs in the browser" \
  "" \
  "Your own notebook: guild run PATH.ipynb. The tutorial: docs/tutorial.md"
