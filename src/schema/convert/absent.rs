//! Functions and operators of extensions that are left out, by their names: a dump does not tell what
//! an extension brings, and no dependency of a table tells its operators.

use crate::catalog::database::{Class, Extension, Name, Object, OtherKind};
use crate::catalog::readable;

use super::build::Build;

/// Functions by the extension that brings them, where several may share a schema.
const FUNCTIONS: [(&str, &[&str]); 11] = [
    (
        "uuid-ossp",
        &[
            "uuid_generate_v1",
            "uuid_generate_v1mc",
            "uuid_generate_v3",
            "uuid_generate_v4",
            "uuid_generate_v5",
            "uuid_nil",
            "uuid_ns_dns",
            "uuid_ns_oid",
            "uuid_ns_url",
            "uuid_ns_x500",
        ],
    ),
    (
        "hstore",
        &[
            "akeys",
            "avals",
            "defined",
            "delete",
            "each",
            "exist",
            "exists_all",
            "exists_any",
            "fetchval",
            "hs_concat",
            "hs_contained",
            "hs_contains",
            "hstore",
            "hstore_to_array",
            "hstore_to_json",
            "hstore_to_json_loose",
            "hstore_to_jsonb",
            "hstore_to_jsonb_loose",
            "hstore_to_matrix",
            "isdefined",
            "isexists",
            "populate_record",
            "skeys",
            "slice",
            "slice_array",
            "svals",
            "tconvert",
        ],
    ),
    (
        "vector",
        &[
            "array_to_halfvec",
            "array_to_sparsevec",
            "array_to_vector",
            "binary_quantize",
            "cosine_distance",
            "hamming_distance",
            "inner_product",
            "jaccard_distance",
            "l1_distance",
            "l2_distance",
            "l2_norm",
            "l2_normalize",
            "subvector",
            "vector_dims",
            "vector_norm",
        ],
    ),
    (
        "http",
        &[
            "bytea_to_text",
            "http",
            "http_delete",
            "http_get",
            "http_head",
            "http_header",
            "http_patch",
            "http_post",
            "http_put",
            "text_to_bytea",
            "urlencode",
        ],
    ),
    (
        "pgcrypto",
        &[
            "armor",
            "crypt",
            "dearmor",
            "decrypt",
            "decrypt_iv",
            "digest",
            "encrypt",
            "encrypt_iv",
            "gen_random_bytes",
            "gen_random_uuid",
            "gen_salt",
            "hmac",
            "pgp_pub_decrypt",
            "pgp_pub_encrypt",
            "pgp_sym_decrypt",
            "pgp_sym_encrypt",
        ],
    ),
    (
        "pg_trgm",
        &[
            "show_limit",
            "show_trgm",
            "similarity",
            "strict_word_similarity",
            "word_similarity",
        ],
    ),
    ("unaccent", &["unaccent"]),
    (
        "fuzzystrmatch",
        &[
            "daitch_mokotoff",
            "difference",
            "dmetaphone",
            "dmetaphone_alt",
            "levenshtein",
            "levenshtein_less_equal",
            "metaphone",
            "soundex",
        ],
    ),
    (
        "tablefunc",
        &[
            "connectby",
            "crosstab",
            "crosstab2",
            "crosstab3",
            "crosstab4",
            "normal_rand",
        ],
    ),
    (
        "ltree",
        &[
            "index",
            "lca",
            "ltree2text",
            "nlevel",
            "subltree",
            "subpath",
            "text2ltree",
        ],
    ),
    (
        "intarray",
        &[
            "icount",
            "idx",
            "sort",
            "sort_asc",
            "sort_desc",
            "subarray",
            "uniq",
        ],
    ),
];

impl Build<'_> {
    /// A function that no one has made and that came with an extension which is left out: itself and the
    /// extension. `None` where it is there, or nothing is known of it.
    pub(super) fn of_missing_extension(&self, function: &Name) -> Option<String> {
        if function.schema.is_empty() || self.is_known_routine(function) {
            return None;
        }
        let brings = FUNCTIONS
            .iter()
            .filter(|(_, functions)| functions.contains(&function.name.as_str()))
            .map(|(extension, _)| *extension);
        let brings: Vec<&str> = brings.collect();
        let mut of_schema = self.extensions_in(&function.schema);
        let known = of_schema.find(|extension| brings.contains(&extension.name.as_str()));
        let extension = match known {
            Some(extension) => extension,
            None => self
                .extensions_in(&function.schema)
                .find(|extension| self.is_left_out(extension))?,
        };
        self.is_left_out(extension).then(|| {
            format!(
                "function {function} → extension {}",
                readable(&extension.name)
            )
        })
    }

    /// An operator that is written with its schema and that is not there.
    pub(super) fn operator_missing(&self, operator: &Name) -> Option<String> {
        let plain = operator.schema.is_empty() || operator.schema == "pg_catalog";
        if plain || self.is_of_citext(operator) {
            return None;
        }
        let mut others = self.database.others.iter();
        let known = others
            .find(|other| other.kind == OtherKind::Operator && other.name == *operator)
            .map(|other| other.extension.as_deref());
        let extension = match known {
            // No operator of a user is made.
            Some(None) => return Some(format!("operator {}", written(operator))),
            Some(Some(name)) => self.database.extensions.iter().find(|e| e.name == name)?,
            None => {
                let all = || self.extensions_in(&operator.schema);
                // Which of several brings it is not known.
                if all().any(|extension| !self.is_left_out(extension)) {
                    return None;
                }
                all().next()?
            }
        };
        self.is_left_out(extension).then(|| {
            let (operator, extension) = (written(operator), readable(&extension.name));
            format!("operator {operator} → extension {extension}")
        })
    }

    fn extensions_in(&self, schema: &str) -> impl Iterator<Item = &Extension> {
        let all = self.database.extensions.iter();
        all.filter(move |extension| extension.schema == schema && extension.name != "plpgsql")
    }

    fn is_left_out(&self, extension: &Extension) -> bool {
        let object = Object::new(Class::Extension, extension.oid);
        self.why_left_out(object).is_some()
    }
}

/// An operator as SQL writes it: `public.=`.
fn written(operator: &Name) -> String {
    format!("{}.{}", readable(&operator.schema), operator.name)
}
