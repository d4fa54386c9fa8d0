-- Events of about 100 bytes, as short as any that say something.
insert into events (ts, event)
select timestamptz '2026-01-01 00:00:00+00' + n * interval '1 ms', jsonb_build_object('number', n, 'text', md5(n::text))
  from generate_series(1::bigint, :events) as n
