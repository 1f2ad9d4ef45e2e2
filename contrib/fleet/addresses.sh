#!/bin/sh
# Writes the addresses of this host as lines of JSON, for the shipper to take beside the resets: so the database knows
# whose name a reset bears, and that this host was there to tell. Once a minute, from cron or a timer:
#
#   * * * * * root /usr/local/lib/rstscan/addresses.sh >>/var/log/rstscan/addresses.json
set -eu
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
ip -oneline address show scope global | awk -v now="$now" '
    { split($4, address, "/"); printf "{\"type\":\"address\",\"time\":\"%s\",\"address\":\"%s\"}\n", now, address[1] }'
