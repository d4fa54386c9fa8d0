-- Creates a database as the server makes them. Parameter: database (name).
create database :"database";
