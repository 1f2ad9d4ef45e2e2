-- Resets of the last day that one node received in the name of another one, which never sent them: something between
-- the two made them. Two nodes have the same reset where Community ID, sequence and acknowledgment numbers agree.
--
-- It asks of senders only what they can tell: those that were heard of in the minutes around. An agent with --sample
-- leaves lines out, and where a NAT changes addresses the Community IDs differ: either makes resets look born between.
WITH resets AS
(
    SELECT time, node, src, sport, dst, dport, community_id, seq, ack, class, cause, summary
    FROM rstscan.resets FINAL
    WHERE time > now64(9, 'UTC') - INTERVAL 1 DAY
),
owners AS
(
    SELECT address, hour, node, min(first) AS first, max(last) AS last
    FROM rstscan.addresses
    WHERE hour > now('UTC') - INTERVAL 2 DAY
    GROUP BY address, hour, node
),
received AS
(
    SELECT resets.*, owners.node AS sender
    FROM resets
    INNER JOIN owners ON owners.address = resets.src AND owners.hour = toStartOfHour(toDateTime(resets.time, 'UTC'))
    WHERE owners.node != resets.node
        AND resets.time > owners.first - INTERVAL 2 MINUTE
        AND resets.time < owners.last + INTERVAL 2 MINUTE
)
SELECT
    received.time AS time,
    received.node AS seen_at,
    received.sender AS never_sent_by,
    replaceOne(toString(received.src), '::ffff:', '') AS src,
    received.sport AS sport,
    replaceOne(toString(received.dst), '::ffff:', '') AS dst,
    received.dport AS dport,
    received.seq AS seq,
    received.ack AS ack,
    received.class AS class,
    received.cause AS cause,
    received.summary AS summary
FROM received
LEFT ANTI JOIN resets AS sent
    ON sent.node = received.sender
    AND sent.community_id = received.community_id
    AND sent.seq = received.seq
    AND ifNull(sent.ack, 0) = ifNull(received.ack, 0)
ORDER BY time
LIMIT 1000
