-- Creates a database for any text on a server whose own databases have another encoding. Parameter: database (name).
create database :"database" template template0 encoding 'UTF8';
