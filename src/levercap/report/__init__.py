"""The self-contained HTML report: ``levercap.report.build.write_report``."""
