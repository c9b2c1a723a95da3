# The exit code that hooks use.
E_CONFIG_ERROR=2
