//! Security contexts: at least as strict as the restricted Pod Security Standard, or as what the user's own spec says
//! where that is looser. Taking away a restriction that the user asked for counts as adding a right.
//!
//! What counts is what a container ends up with: its own context and, where that says nothing, the pod's.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, PodSecurityContext, SELinuxOptions, SeccompProfile, SecurityContext,
    WindowsSecurityContextOptions,
};

use super::Rejection;
use super::pods::{POD, refuse};

/// What one container ends up with.
#[derive(Clone, Copy)]
pub(super) struct Effective<'a> {
    /// Its own context.
    pub container: &'a SecurityContext,
    /// The pod's.
    pub pod: &'a PodSecurityContext,
}

impl<'a> Effective<'a> {
    fn non_root(self) -> bool {
        self.container.run_as_non_root.or(self.pod.run_as_non_root) == Some(true)
    }

    fn user(self) -> Option<i64> {
        self.container.run_as_user.or(self.pod.run_as_user)
    }

    /// Whether it is certain not to run as root, whatever the image says.
    fn never_root(self) -> bool {
        self.non_root() || self.user().is_some_and(|user| user != 0)
    }

    fn seccomp(self) -> Profile<'a> {
        let SeccompProfile { type_, localhost_profile } =
            self.container.seccomp_profile.as_ref().or(self.pod.seccomp_profile.as_ref())?;
        Some((type_, localhost_profile.as_deref()))
    }

    fn app_armor(self) -> Profile<'a> {
        let AppArmorProfile { type_, localhost_profile } =
            self.container.app_armor_profile.as_ref().or(self.pod.app_armor_profile.as_ref())?;
        Some((type_, localhost_profile.as_deref()))
    }

    fn se_linux(self) -> Option<&'a SELinuxOptions> {
        self.container.se_linux_options.as_ref().or(self.pod.se_linux_options.as_ref())
    }

    fn windows(self) -> Option<&'a WindowsSecurityContextOptions> {
        self.container.windows_options.as_ref().or(self.pod.windows_options.as_ref())
    }
}

/// Type and file of a security profile.
type Profile<'a> = Option<(&'a str, Option<&'a str>)>;

/// The restricted profile, which every container has that the user's spec says nothing about.
pub(super) fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..SecurityContext::default()
    }
}

/// The capabilities that the baseline level allows.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Whether a container, at `path`, keeps the baseline Pod Security Standard.
pub(super) fn within_baseline(path: &str, rendered: Effective<'_>) -> Result<(), Rejection> {
    let add = BASELINE_CAPABILITIES.map(str::to_owned).to_vec();
    let baseline = SecurityContext {
        capabilities: Some(Capabilities { add: Some(add), drop: None }),
        run_as_user: Some(0),
        ..SecurityContext::default()
    };
    within(path, rendered, Effective { container: &baseline, pod: &PodSecurityContext::default() })
}

/// Whether a container, at `path`, has no right that `users` has not.
pub(super) fn within(path: &str, rendered: Effective<'_>, users: Effective<'_>) -> Result<(), Rejection> {
    let at = |field: &str| format!("{path}.securityContext.{field}");
    let (context, own) = (rendered.container, users.container);
    if context.privileged == Some(true) && own.privileged != Some(true) {
        return refuse(&at("privileged"), "must not be true");
    }
    if context.allow_privilege_escalation != Some(false) && own.allow_privilege_escalation == Some(false) {
        return refuse(&at("allowPrivilegeEscalation"), "must be false");
    }
    if context.read_only_root_filesystem != Some(true) && own.read_only_root_filesystem == Some(true) {
        return refuse(&at("readOnlyRootFilesystem"), "must stay true");
    }
    let default_mount = context.proc_mount.as_deref().is_none_or(|mount| mount == "Default");
    if !default_mount && context.proc_mount != own.proc_mount {
        return refuse(&at("procMount"), "must be Default");
    }
    capabilities_within(&at("capabilities"), context, own)?;
    user_within(path, rendered, users)?;
    profiles_within(path, rendered, users)
}

/// Drops what has to be dropped and adds nothing but `NET_BIND_SERVICE`.
fn capabilities_within(path: &str, context: &SecurityContext, users: &SecurityContext) -> Result<(), Rejection> {
    let lists = |context: &SecurityContext| {
        let Capabilities { add, drop } = context.capabilities.clone().unwrap_or_default();
        (add.unwrap_or_default(), drop.unwrap_or_default())
    };
    let ((added, dropped), (users_added, required)) = (lists(context), lists(users));
    if let Some(name) = added.iter().find(|name| *name != "NET_BIND_SERVICE" && !users_added.contains(name)) {
        return refuse(&format!("{path}.add"), &format!("must not have {name}"));
    }
    let drops = |name: &String| dropped.contains(name) || dropped.iter().any(|dropped| dropped == "ALL");
    if !required.iter().all(drops) {
        return refuse(&format!("{path}.drop"), &format!("must have {}", required.join(", ")));
    }
    Ok(())
}

fn user_within(path: &str, rendered: Effective<'_>, users: Effective<'_>) -> Result<(), Rejection> {
    if rendered.user() == Some(0) && users.user() != Some(0) {
        let path = if rendered.container.run_as_user.is_some() { path } else { POD };
        return refuse(&format!("{path}.securityContext.runAsUser"), "must not be 0");
    }
    if !rendered.non_root() && users.non_root() {
        return refuse(&format!("{path}.securityContext.runAsNonRoot"), "must be true");
    }
    if !rendered.never_root() && users.never_root() {
        return refuse(&format!("{path}.securityContext.runAsUser"), "must be given: the image may run as root");
    }
    Ok(())
}

fn profiles_within(path: &str, rendered: Effective<'_>, users: Effective<'_>) -> Result<(), Rejection> {
    let at = |field: &str| format!("{path}.securityContext.{field}");
    let same_as_users = "must be those of the server's spec";
    if !profile_within(rendered.seccomp(), users.seccomp(), false) {
        return refuse(&at("seccompProfile"), "must be RuntimeDefault, or that of the server's spec");
    }
    if !profile_within(rendered.app_armor(), users.app_armor(), true) {
        return refuse(&at("appArmorProfile"), "must be RuntimeDefault, or that of the server's spec");
    }
    if rendered.se_linux() != users.se_linux() {
        return refuse(&at("seLinuxOptions"), same_as_users);
    }
    if rendered.windows() != users.windows() {
        return refuse(&at("windowsOptions"), same_as_users);
    }
    Ok(())
}

/// A profile of the user's own making must be kept, no confinement may be taken away. `unset_confines` is whether a
/// container without a profile is confined: by `AppArmor` it is, by seccomp it is not.
fn profile_within(rendered: Profile<'_>, users: Profile<'_>, unset_confines: bool) -> bool {
    let confines = match rendered {
        None => unset_confines,
        Some((kind, _)) => matches!(kind, "RuntimeDefault" | "Localhost"),
    };
    let users_own = users.is_some_and(|(kind, _)| kind == "Localhost");
    rendered == users || (confines && !users_own)
}
