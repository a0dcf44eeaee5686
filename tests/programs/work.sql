-- SPDX-License-Identifier: MIT
-- A database of some thousand rows: tables, an index, transactions, joins, an abort, and a check of the whole file.
.bail on
create table item (id integer primary key, name text not null, price real, stock integer check (stock >= 0));
create table sale (id integer primary key, item integer references item, day integer, amount integer);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into item select i, printf('item %04d', i * 7919 % 2000), (i * 31 % 997) / 10.0, i * 13 % 500 from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
insert into sale select i, 1 + i * 7907 % 2000, i % 365, 1 + i % 9 from n;
commit;
create index sale_item on sale (item, day);
select count(*), sum(amount), min(day), max(day) from sale;
select name, sum(amount) as sold from item join sale on sale.item = item.id group by item.id order by sold desc, name
    limit 5;
begin;
delete from sale where day < 300;
select count(*) from sale;
rollback;
select count(*) from sale;
update item set stock = stock + 1 where id in (select item from sale where amount = 9);
select total(stock), round(avg(price), 6) from item;
explain query plan select * from sale where item = 7 and day > 100;
pragma integrity_check;
vacuum;
select group_concat(name, ', ') from (select name from item order by price desc, id limit 4);
