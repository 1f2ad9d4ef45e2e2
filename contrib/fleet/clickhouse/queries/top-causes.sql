-- What went wrong most in the last day, by service: harmful ones first.
SELECT
    service_port,
    replaceOne(toString(server), '::ffff:', '') AS server_address,
    class,
    cause,
    uniqExactMerge(resets) AS all_resets,
    uniqExactIfMerge(events) AS all_events,
    uniqExactIfMerge(harmful) AS all_harmful,
    uniq(node) AS nodes
FROM rstscan.minutes
WHERE minute > now('UTC') - INTERVAL 1 DAY
GROUP BY service_port, server, class, cause
ORDER BY all_harmful DESC, all_events DESC
LIMIT 50
