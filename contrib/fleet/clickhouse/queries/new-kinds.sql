-- Kinds of the last day that the two weeks before did not have: cause, who sent it, and service.
SELECT
    cause,
    sender_role,
    service_port,
    replaceOne(toString(server), '::ffff:', '') AS server_address,
    min(minute) AS since,
    uniqExactMerge(resets) AS all_resets,
    groupUniqArray(5)(node) AS some_nodes
FROM rstscan.minutes
WHERE minute > now('UTC') - INTERVAL 1 DAY
    AND (cause, sender_role, service_port, server) NOT IN
    (
        SELECT cause, sender_role, service_port, server
        FROM rstscan.minutes
        WHERE minute BETWEEN now('UTC') - INTERVAL 15 DAY AND now('UTC') - INTERVAL 1 DAY
    )
GROUP BY cause, sender_role, service_port, server
ORDER BY all_resets DESC
LIMIT 50
