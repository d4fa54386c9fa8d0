-- What holds on our connections: a commit waits for the disk, damage is looked for, a schema calls nothing but harmless functions. Variables: synchronous (full in WAL mode, extra otherwise).
pragma synchronous = :synchronous;
pragma fullfsync = on;
pragma checkpoint_fullfsync = on;
pragma cell_size_check = on;
pragma trusted_schema = off;
