"""The command line: `main` is the entry point, `commands` has one module for each command.

`arguments` has the words of the command line and `help_examples` the texts below them; `output` and
`shared` what several commands need. `columns` chooses and sorts the columns of a list, `tables`
prints a table, and `fitting` fits it into a terminal. `yaml_export` prints the objects of
`tui.text.json_export` as YAML.
"""
