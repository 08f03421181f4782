//! The names a function's arguments bind.

use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Attribute, FnArg, Ident, Pat, PatIdent, Stmt};

use crate::function::{Form, Function};

/// What a placeholder may name.
pub(crate) struct Bindings {
    /// In the order of the arguments.
    pub(crate) names: Vec<Bound>,
    pub(crate) receiver: bool,
    /// Names that `#[async_trait]` binds only inside the body.
    pub(crate) hidden: Vec<Ident>,
}

/// A name that an argument binds.
pub(crate) struct Bound {
    pub(crate) ident: Ident,
    /// The argument may be configured out.
    pub(crate) cfg: Vec<Attribute>,
}

impl Bindings {
    pub(crate) fn of(function: &Function) -> Self {
        let mut bindings = Self {
            names: Vec::new(),
            receiver: function.sig.receiver().is_some(),
            hidden: Vec::new(),
        };
        for input in &function.sig.inputs {
            if let FnArg::Typed(input) = input {
                let mut idents = Vec::new();
                names(&input.pat, &mut idents);
                let cfg = input
                    .attrs
                    .iter()
                    .filter(|attr| attr.path().is_ident("cfg"));
                let cfg: Vec<Attribute> = cfg.cloned().collect();
                let bound = |ident| Bound {
                    ident,
                    cfg: cfg.clone(),
                };
                bindings.names.extend(idents.into_iter().map(bound));
            }
        }
        if let Form::Boxed { statements } = &function.form {
            for statement in statements {
                if let Stmt::Local(local) = statement {
                    names(&local.pat, &mut bindings.hidden);
                }
            }
        }
        bindings
    }

    /// The argument of this name, compared without `r#`.
    pub(crate) fn find(&self, name: &str) -> Option<&Ident> {
        self.names
            .iter()
            .map(|bound| &bound.ident)
            .find(|ident| ident.unraw() == name)
    }
}

/// Every name a pattern binds.
pub(crate) fn names(pat: &Pat, names: &mut Vec<Ident>) {
    struct Names<'a>(&'a mut Vec<Ident>);
    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            self.0.push(pat.ident.clone());
            visit::visit_pat_ident(self, pat);
        }
    }
    Names(names).visit_pat(pat);
}
