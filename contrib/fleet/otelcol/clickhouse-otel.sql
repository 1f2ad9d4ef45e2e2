-- Lines that the OpenTelemetry Collector put into its own table go where all shippers put theirs. Run it once the
-- collector has made that table.
CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.otel_to_lines TO rstscan.lines AS
SELECT ResourceAttributes['host.name'] AS node, Body AS line
FROM otel.otel_logs
WHERE LogAttributes['log.source'] = 'rstscan';
