-- For each deployment of the last two days: what its service had in the half hour before, and in the one after. The
-- largest increase comes first; that it came with a deployment is no proof.
SELECT
    deploys.time AS rolled_out,
    name,
    version,
    deploys.service_port AS port,
    cause,
    uniqExactIfMergeIf(events, minute < deploys.time) AS before,
    uniqExactIfMergeIf(events, minute >= deploys.time) AS after
FROM rstscan.deploys
INNER JOIN rstscan.minutes ON deploys.service_port = minutes.service_port
WHERE deploys.time > now('UTC') - INTERVAL 2 DAY
    AND minute >= deploys.time - INTERVAL 30 MINUTE
    AND minute < deploys.time + INTERVAL 30 MINUTE
GROUP BY rolled_out, name, version, port, cause
HAVING after > before
ORDER BY (after - before) / (before + 1) DESC
LIMIT 50
