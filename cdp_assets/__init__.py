"""When things run, and in what order: the Dagster assets, schedules and the command line."""
