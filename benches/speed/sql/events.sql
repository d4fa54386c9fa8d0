-- Events in one statement, :events_per_ts neighbours of equal time.
insert into events (ts, event)
select timestamptz '2026-01-01 00:00:00.123456+00' + (n / :events_per_ts) * interval '1 ms', made_up_event(n)
  from generate_series(0::bigint, :events - 1) as n
