-- Orders as people look for them: by customer, by total, by words of the name.
CREATE TABLE orders_search (
    tenant text NOT NULL,
    generation integer NOT NULL, -- a rebuild makes the next one beside the one that serves
    code text NOT NULL,
    customer text NOT NULL,
    name text NOT NULL,
    total numeric,
    is_deleted boolean NOT NULL,
    version bigint NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,
    PRIMARY KEY (tenant, generation, code)
);

CREATE INDEX orders_search_customer ON orders_search (tenant, generation, customer, code);
CREATE INDEX orders_search_total ON orders_search (tenant, generation, total);
CREATE INDEX orders_search_words ON orders_search USING gin (words);
