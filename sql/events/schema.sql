-- Creates the schema of an event table. Parameter: schema (name).
create schema :"schema";
