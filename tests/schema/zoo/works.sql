-- As a bicycle maker has it: a schema per department, domains for everything, XML that views take apart,
-- identifiers of an extension as defaults, comments on all of it.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS tablefunc;
CREATE SCHEMA person; CREATE SCHEMA humanresources; CREATE SCHEMA production; CREATE SCHEMA sales;
CREATE DOMAIN public."Flag" AS boolean NOT NULL;
CREATE DOMAIN public."Name" AS varchar(50);
CREATE DOMAIN public."OrderNumber" AS varchar(25) NULL;
CREATE TABLE person.businessentity (businessentityid serial PRIMARY KEY, rowguid uuid NOT NULL DEFAULT public.uuid_generate_v1(), modifieddate timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE person.person (businessentityid int PRIMARY KEY REFERENCES person.businessentity, persontype char(2) NOT NULL, namestyle public."Flag" DEFAULT false, title varchar(8), firstname public."Name" NOT NULL, lastname public."Name" NOT NULL, additionalcontactinfo xml, demographics xml,
    rowguid uuid NOT NULL DEFAULT public.uuid_generate_v1(), CONSTRAINT "CK_Person_PersonType" CHECK (persontype IS NULL OR upper(persontype) IN ('SC', 'VC', 'IN', 'EM', 'SP', 'GC')));
CREATE TABLE humanresources.employee (businessentityid int PRIMARY KEY REFERENCES person.person, nationalidnumber varchar(15) NOT NULL, organizationnode varchar DEFAULT '/', birthdate date NOT NULL CHECK (birthdate BETWEEN '1930-01-01' AND now() - interval '18 years'), maritalstatus char(1) NOT NULL CHECK (upper(maritalstatus) IN ('M', 'S')), vacationhours smallint NOT NULL DEFAULT 0, currentflag public."Flag" DEFAULT true);
CREATE TABLE production.product (productid serial PRIMARY KEY, name public."Name" NOT NULL, productnumber varchar(25) NOT NULL UNIQUE, color varchar(15), standardcost money NOT NULL CHECK (standardcost >= 0::money), listprice numeric NOT NULL, weight decimal(8,2), class char(2), photo bytea, instructions xml);
CREATE TABLE sales.salesorderheader (salesorderid serial PRIMARY KEY, orderdate timestamp(3) NOT NULL DEFAULT now(), purchaseordernumber public."OrderNumber", accountnumber varchar(15), totaldue numeric GENERATED ALWAYS AS (coalesce(subtotal + taxamt, 0.00)) STORED, subtotal numeric NOT NULL DEFAULT 0.00, taxamt numeric NOT NULL DEFAULT 0.00, onlineorderflag public."Flag" DEFAULT true);
CREATE TABLE sales.customer ("customerid" integer PRIMARY KEY, "accountnumber" varchar(10) GENERATED ALWAYS AS ('AW' || lpad("customerid"::text, 8, '0')) STORED);
CREATE INDEX "IX_Person_LastName" ON person.person (lastname, firstname);
CREATE VIEW person.vadditionalcontactinfo AS SELECT p.businessentityid, p.firstname, (xpath('n:pcs/text()', p.additionalcontactinfo, '{{n,http://example.org/x}}'))[1] AS telephone, (xpath('//a/text()', p.additionalcontactinfo))[1]::text AS address FROM person.person p WHERE p.additionalcontactinfo IS NOT NULL;
CREATE VIEW person.vcontact AS SELECT v.telephone, v.firstname FROM person.vadditionalcontactinfo v;
CREATE VIEW production.vinstructions AS SELECT p.productid, x.step FROM production.product p, XMLTABLE('/root/step' PASSING p.instructions COLUMNS step text PATH '.') x;
CREATE VIEW humanresources.vemployee AS SELECT e.businessentityid, p.title, p.firstname, p.lastname, e.vacationhours FROM humanresources.employee e JOIN person.person p USING (businessentityid);
CREATE VIEW production.vcosts AS SELECT productid, standardcost * 2 AS twice, standardcost::numeric AS cost FROM production.product;
CREATE VIEW production.vwords AS SELECT cash_words(standardcost) AS words FROM production.product;
CREATE VIEW sales.vpivot AS SELECT * FROM public.crosstab('SELECT 1, 2, 3') AS piv (a int, b int);
CREATE MATERIALIZED VIEW sales.mv AS SELECT date_trunc('year', orderdate) AS y, sum(totaldue) AS t FROM sales.salesorderheader GROUP BY 1;
CREATE UNIQUE INDEX mv_y ON sales.mv (y);
COMMENT ON TABLE person.person IS 'Human beings involved with the works'; COMMENT ON COLUMN person.person.title IS 'A courtesy title. For example, Mr. or Ms.'; COMMENT ON VIEW humanresources.vemployee IS 'all';
COMMENT ON CONSTRAINT "CK_Person_PersonType" ON person.person IS 'two letters'; COMMENT ON DOMAIN public."Flag" IS 'a bit'; COMMENT ON INDEX person."IX_Person_LastName" IS 'by name';
INSERT INTO person.businessentity SELECT FROM generate_series(1, 40);
INSERT INTO person.person (businessentityid, persontype, firstname, lastname, additionalcontactinfo) SELECT i, 'EM', 'F' || i, 'L' || i, '<a>1</a>' FROM generate_series(1, 40) i;
INSERT INTO humanresources.employee SELECT i, i::text, '/', '1980-01-01', 'M' FROM generate_series(1, 20) i;
INSERT INTO production.product (name, productnumber, standardcost, listprice, instructions) SELECT 'p' || i, 'n' || i, i::numeric::money, i, '<root><step>1</step></root>' FROM generate_series(1, 20) i;
INSERT INTO sales.salesorderheader (subtotal, taxamt) SELECT i, i / 10.0 FROM generate_series(1, 20) i;
INSERT INTO sales.customer SELECT i FROM generate_series(1, 20) i;
