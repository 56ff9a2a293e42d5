-- Whole catalogues, so that no later month brings a value they lack. Countries and authorities come from Rust.
INSERT INTO jurisdictions (name) SELECT description ->> 'en' FROM portal_fdw.designation_type_cat ORDER BY id;
INSERT INTO designations (name) SELECT description ->> 'en' FROM portal_fdw.designation_eng_cat ORDER BY id;
INSERT INTO governances (name) SELECT description ->> 'en' FROM portal_fdw.governance_type_cat ORDER BY id;
INSERT INTO iucn_categories (name) SELECT description ->> 'en' FROM portal_fdw.iucn_category_cat ORDER BY id;
INSERT INTO legal_statuses (name) SELECT description ->> 'en' FROM portal_fdw.status_cat ORDER BY id;
