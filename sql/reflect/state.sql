-- Creates what a destination with reflections remembers, in the database of its tables: where it stands, how each table is loaded, and the
-- changes of transactions that go on beyond its position. Each commit changes these rows together with the tables.
-- No parameters.
create schema if not exists counterfoil;
create table if not exists counterfoil.reflection (
    name text primary key,
    position bigint,
    events bigint not null,
    first_id bigint,
    first_digest text[],
    last_digest text[],
    source text not null
);
create table if not exists counterfoil.reflected (
    name text not null references counterfoil.reflection on delete cascade,
    entry text not null,
    target oid not null,
    mapping text not null,
    is_loading boolean not null,
    loaded_through text[],
    loaded_rows bigint not null,
    has_forgotten boolean not null,
    primary key (name, entry)
);
create table if not exists counterfoil.loaded_range (
    name text not null,
    entry text not null,
    number bigint generated always as identity,
    after text[],
    through text[],
    snapshot text not null,
    until bigint not null,
    primary key (name, entry, number),
    foreign key (name, entry) references counterfoil.reflected on delete cascade
);
create table if not exists counterfoil.pending (
    name text not null references counterfoil.reflection on delete cascade,
    id bigint not null,
    xact bigint not null,
    source text not null,
    op "char" not null,
    before text,
    after text,
    before_part integer,
    after_part integer,
    primary key (name, id)
);
create index if not exists pending_xact on counterfoil.pending (name, xact);
