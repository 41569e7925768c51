"""What is watched, as data: metrics, alerts, dashboards. `make generate` makes the files of the charts and pages."""
