-- Events of 10 MB each, of hexadecimal digits that hardly compress.
insert into events (ts, event)
select timestamptz '2026-01-01 00:00:00+00' + n * interval '1 ms',
       jsonb_build_object('number', n, 'text', (select string_agg(md5(n || '-' || i), '') from generate_series(1, 327680) as i))
  from generate_series(1::bigint, :events) as n
