-- Resets of a fleet in ClickHouse. Run once; every statement may be run again.
--
-- Whatever ships the lines of the agents only has to insert (node, line) into rstscan.lines, which keeps nothing: views
-- make rows of them. So a new key of a line is a change here, and none on ten thousand hosts.

CREATE DATABASE IF NOT EXISTS rstscan;

-- What a line is: a reset or an address as the views below can take it, or another line of an agent. A line that is
-- cut off, or of a schema that they do not know, is a stranger, and must not hold up the lines that came with it.
CREATE FUNCTION IF NOT EXISTS rstscan_line_kind AS line -> multiIf(
    JSONExtractString(line, 'type') = 'reset'
        AND JSONExtractUInt(line, 'schema') = 1
        AND isNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(line, 'time'), 9, 'UTC'))
        AND isNotNull(toIPv6OrNull(JSONExtractString(line, 'src')))
        AND isNotNull(toIPv6OrNull(JSONExtractString(line, 'dst')))
        AND match(JSONExtractString(line, 'service'), ':[0-9]{1,5}$'),
    'reset',
    JSONExtractString(line, 'type') = 'address'
        AND isNotNull(parseDateTimeBestEffortOrNull(JSONExtractString(line, 'time'), 'UTC'))
        AND isNotNull(toIPv6OrNull(JSONExtractString(line, 'address'))),
    'address',
    JSONExtractString(line, 'type') IN ('pattern', 'summary') AND JSONExtractUInt(line, 'schema') = 1,
    'other',
    'stranger');

-- What shippers insert into: the host that an agent runs on, and a line as the agent wrote it.
CREATE TABLE IF NOT EXISTS rstscan.lines
(
    node LowCardinality(String),
    line String
)
ENGINE = Null;

-- One row a reset and node. Names are those of docs/schema.json; what is not here is in `line`.
--
-- Shippers deliver at least once: a row that comes again replaces itself when parts are merged (FINAL: at once).
CREATE TABLE IF NOT EXISTS rstscan.resets
(
    node LowCardinality(String),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    file LowCardinality(String),
    frame UInt64 CODEC(Delta, ZSTD(1)),
    src IPv6,
    sport UInt16,
    dst IPv6,
    dport UInt16,
    flags LowCardinality(String),
    seq UInt32,
    ack Nullable(UInt32),
    win UInt16,
    len UInt32,
    ttl UInt8,
    ip_id Nullable(UInt16),
    class LowCardinality(String),
    cause LowCardinality(String),
    certainty LowCardinality(String),
    form LowCardinality(String),
    sender_role LowCardinality(String),
    incarnation UInt32,
    server IPv6,
    service_port UInt16,
    community_id String CODEC(ZSTD(1)),
    follows Nullable(UInt64),
    idle_ns Nullable(Int64),
    on_peer LowCardinality(String),
    application LowCardinality(String),
    bytes_lost_to_sender Nullable(UInt64),
    bytes_lost_to_peer Nullable(UInt64),
    benign Nullable(Bool),
    client_state LowCardinality(String),
    server_state LowCardinality(String),
    evidence Array(LowCardinality(String)),
    missing Array(LowCardinality(String)),
    process LowCardinality(String),
    summary String CODEC(ZSTD(3)),
    advice LowCardinality(String),
    line String CODEC(ZSTD(6)) TTL toDateTime(time) + INTERVAL 30 DAY,
    service String ALIAS concat(if(isIPv4String(replaceOne(toString(server), '::ffff:', '')),
        replaceOne(toString(server), '::ffff:', ''), concat('[', toString(server), ']')), ':', toString(service_port)),
    INDEX by_connection community_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_src src TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_dst dst TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (service_port, cause, server, time, node, community_id, seq)
TTL toDateTime(time) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.lines_to_resets TO rstscan.resets AS
SELECT
    node,
    parseDateTime64BestEffortOrZero(JSONExtractString(line, 'time'), 9, 'UTC') AS time,
    JSONExtractString(line, 'file') AS file,
    JSONExtractUInt(line, 'frame') AS frame,
    toIPv6OrDefault(JSONExtractString(line, 'src')) AS src,
    toUInt16(JSONExtractUInt(line, 'sport')) AS sport,
    toIPv6OrDefault(JSONExtractString(line, 'dst')) AS dst,
    toUInt16(JSONExtractUInt(line, 'dport')) AS dport,
    JSONExtractString(line, 'flags') AS flags,
    toUInt32(JSONExtractUInt(line, 'seq')) AS seq,
    JSONExtract(line, 'ack', 'Nullable(UInt32)') AS ack,
    toUInt16(JSONExtractUInt(line, 'win')) AS win,
    toUInt32(JSONExtractUInt(line, 'len')) AS len,
    toUInt8(JSONExtractUInt(line, 'ttl')) AS ttl,
    JSONExtract(line, 'ip_id', 'Nullable(UInt16)') AS ip_id,
    JSONExtractString(line, 'class') AS class,
    JSONExtractString(line, 'cause') AS cause,
    JSONExtractString(line, 'certainty') AS certainty,
    JSONExtractString(line, 'form') AS form,
    JSONExtractString(line, 'sender_role') AS sender_role,
    toUInt32(JSONExtractUInt(line, 'incarnation')) AS incarnation,
    toIPv6OrDefault(trim(BOTH '[]' FROM replaceRegexpOne(JSONExtractString(line, 'service'), ':[0-9]+$', ''))) AS server,
    toUInt16OrZero(extract(JSONExtractString(line, 'service'), ':([0-9]+)$')) AS service_port,
    JSONExtractString(line, 'community_id') AS community_id,
    JSONExtract(line, 'follows', 'Nullable(UInt64)') AS follows,
    JSONExtract(line, 'idle_ns', 'Nullable(Int64)') AS idle_ns,
    JSONExtractString(line, 'effect', 'on_peer') AS on_peer,
    JSONExtractString(line, 'effect', 'application') AS application,
    JSONExtract(line, 'effect', 'bytes_lost_to_sender', 'Nullable(UInt64)') AS bytes_lost_to_sender,
    JSONExtract(line, 'effect', 'bytes_lost_to_peer', 'Nullable(UInt64)') AS bytes_lost_to_peer,
    JSONExtract(line, 'benign', 'Nullable(Bool)') AS benign,
    JSONExtractString(line, 'state', 'client') AS client_state,
    JSONExtractString(line, 'state', 'server') AS server_state,
    arrayMap(fact -> JSONExtractString(fact, 'fact'), JSONExtractArrayRaw(line, 'evidence')) AS evidence,
    JSONExtract(line, 'missing', 'Array(String)') AS missing,
    JSONExtractString(line, 'kernel', 'process', 'command') AS process,
    JSONExtractString(line, 'summary') AS summary,
    JSONExtractString(line, 'advice') AS advice,
    line
FROM rstscan.lines
WHERE rstscan_line_kind(line) = 'reset';

-- Which host has which addresses, as `addresses.sh` says there every minute; also when the host was last heard of.
CREATE TABLE IF NOT EXISTS rstscan.addresses
(
    address IPv6,
    node LowCardinality(String),
    hour DateTime('UTC'),
    first SimpleAggregateFunction(min, DateTime('UTC')),
    last SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (address, hour, node)
TTL hour + INTERVAL 90 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.lines_to_addresses TO rstscan.addresses AS
SELECT
    toIPv6OrDefault(JSONExtractString(line, 'address')) AS address,
    node,
    toStartOfHour(first) AS hour,
    parseDateTimeBestEffortOrZero(JSONExtractString(line, 'time'), 'UTC') AS first,
    first AS last
FROM rstscan.lines
WHERE rstscan_line_kind(line) = 'address';

-- Strangers, to be looked at.
CREATE TABLE IF NOT EXISTS rstscan.strangers
(
    received DateTime('UTC') DEFAULT now('UTC'),
    node LowCardinality(String),
    line String CODEC(ZSTD(6))
)
ENGINE = MergeTree
ORDER BY received
TTL received + INTERVAL 7 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.lines_to_strangers TO rstscan.strangers AS
SELECT node, line
FROM rstscan.lines
WHERE rstscan_line_kind(line) = 'stranger';

-- Counts by minute, for long times and dashboards. A reset that is delivered twice counts once.
CREATE TABLE IF NOT EXISTS rstscan.minutes
(
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    node LowCardinality(String),
    class LowCardinality(String),
    cause LowCardinality(String),
    sender_role LowCardinality(String),
    server IPv6,
    service_port UInt16,
    resets AggregateFunction(uniqExact, UInt64),
    events AggregateFunction(uniqExactIf, UInt64, UInt8),
    harmful AggregateFunction(uniqExactIf, UInt64, UInt8)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (service_port, cause, server, minute, node, class, sender_role)
TTL minute + INTERVAL 400 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.resets_to_minutes TO rstscan.minutes AS
SELECT
    toStartOfMinute(toDateTime(time, 'UTC')) AS minute,
    node,
    class,
    cause,
    sender_role,
    server,
    service_port,
    uniqExactState(sipHash64(time, community_id, src, seq)) AS resets,
    uniqExactIfState(sipHash64(time, community_id, src, seq), toUInt8(isNull(follows))) AS events,
    uniqExactIfState(sipHash64(time, community_id, src, seq), toUInt8(ifNull(benign, true) = false)) AS harmful
FROM rstscan.resets
GROUP BY ALL;

-- What was rolled out, when, and behind which port; your pipeline of deployments inserts here.
CREATE TABLE IF NOT EXISTS rstscan.deploys
(
    time DateTime('UTC'),
    name LowCardinality(String),
    version String,
    service_port UInt16
)
ENGINE = MergeTree
ORDER BY (service_port, time)
TTL time + INTERVAL 400 DAY;
