"""Runs rstscan, as it is, over archives of captures on Apache Spark.

`inputs` finds captures, `plan` cuts them into windows, `scan` runs rstscan over one on a worker (`child`), `rows` makes
columns of what it prints, `output` keeps the result so that a job that is run again changes nothing, `job` ties them
together.
"""
